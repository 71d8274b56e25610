"""N-best lists: groups between blank lines, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.data.files.candidates import Group, read_candidates
from recurra.errors import DataError


def written(folder: Path, text: str) -> Path:
    path = folder / "nbest.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
def test_groups_stand_between_blank_lines(tmp_path: Path, end: str) -> None:
    path = written(tmp_path, f"\na b\n a c \n\n  \nd\ne\nf{end}")
    assert read_candidates(path) == [Group(("a b", "a c"), 2), Group(("d", "e", "f"), 6)]


def test_a_group_of_one_is_named_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "a\nb\n\nalone here\n\nc\nd\n")
    with pytest.raises(DataError, match=r"nbest.txt:4: a group needs two candidates, .*'alone here'"):
        read_candidates(path)


def test_the_last_group_may_be_the_lonely_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nbest.txt:4: a group needs two"):
        read_candidates(written(tmp_path, "a\nb\n\nalone"))


def test_blank_lines_alone_are_no_candidates(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nbest.txt: there are no candidates"):
        read_candidates(written(tmp_path, "\n \n"))
