"""Tagged columns are known by what they hold; text, pairs and tables are not taken for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.data.tagged.looking import looks_tagged

TAGGED = "-DOCSTART- -X- O\n\n" + "I PRP O\nlike VB O\nRome NN B-LOC\n. . O\n\n" * 8
OTHERS = {
    "text": "It was a dark and stormy night.\nThe rain fell.\n\n" * 20,
    "words in pairs": "".join(f"word{i} other{i}\n" + "\n" * (i % 5 == 4) for i in range(60)),
    "pairs of sentences": "She left.\tElle est partie.\n" * 60,
    "no blank lines": "I O\nlike O\n" * 30,
    "too few": TAGGED[:60],
    "nothing": "",
}


@pytest.mark.parametrize("between", [" ", "\t", "  "])
def test_columns_with_blank_lines_and_few_tags(between: str, tmp_path: Path) -> None:
    path = tmp_path / "eng.train"
    path.write_text(TAGGED.replace(" ", between), encoding="utf-8")
    assert looks_tagged(path)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_something_else(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(OTHERS[name], encoding="utf-8")
    assert not looks_tagged(tmp_path / "a.txt")
    assert not looks_tagged(tmp_path / "missing.txt")
