"""Poems in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recurra.data.files.poems import read_poems
from recurra.errors import DataError


def written(folder: Path, content: Any) -> Path:
    path = folder / "poems.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def test_a_poem_is_one_line_wherever_it_stands(tmp_path: Path) -> None:
    first = {"title": "春", "author": "x", "paragraphs": ["春眠不覺曉，", "處處聞啼鳥。"]}
    second = {"paragraphs": ["one\ntwo"]}
    assert read_poems(written(tmp_path, [first, second])) == ["春眠不覺曉，處處聞啼鳥。", "one two"]
    assert read_poems(written(tmp_path, {"content": [{"type": "五絕", "content": [first]}]})) == [
        "春眠不覺曉，處處聞啼鳥。"
    ]


def test_poems_without_verses_are_left_out(tmp_path: Path) -> None:
    assert read_poems(written(tmp_path, [{"paragraphs": []}, {"paragraphs": ["a"]}])) == ["a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[\n{"paragraphs": ["a"]},\n{"paragraphs" ["b"]}]', r"poems.json:3: this is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"id": ' + "9" * 5_000 + ', "paragraphs": ["a"]}]', "more than 4,300 digits"),
        (r'[{"paragraphs": ["a \ud83d"]}]', "half of a surrogate pair"),
        ('{"a": ' * 900 + "1" + "}" * 900, "not a poem"),
        ([{"title": ["t" * 9_999], "paragraphs": 1}], "the poem 'without a title' are not a list"),
        ([{"title": "t"}], "poems.json: this is not a poem: no object has `paragraphs`"),
        ([{"title": "t", "paragraphs": "a"}], "the paragraphs of the poem 't' are not a list of texts"),
        ([{"id": "7", "paragraphs": [1]}], "the paragraphs of the poem '7' are not a list of texts"),
    ],
)
def test_files_that_are_no_poems(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_poems(written(tmp_path, content))
