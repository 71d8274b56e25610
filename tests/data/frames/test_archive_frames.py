"""Labelled .ts files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.data.frames.archive import is_labelled_archive, read_archive_frames
from recurra.errors import DataError

HEAD = "@problemName moves\n@dimensions 2\n@classLabel true up down\n@data\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "moves_TRAIN.ts"
    path.write_text(text, encoding="utf-8")
    return path


def test_series_keep_their_lengths_and_their_labels(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEAD}1,2,3:4,?,6:up\n7,8:9,10:down\n")
    found = read_archive_frames(path)
    assert is_labelled_archive(path)
    assert [(len(one), one.label, one.line) for one in found.sequences] == [(3, "up", 5), (2, "down", 6)]
    np.testing.assert_array_equal(found.sequences[0].values, [[1, 4], [2, np.nan], [3, 6]])


@pytest.mark.parametrize(
    ("row", "said"),
    [("1,2:3,4:left", "none of the header's"), ("1,2:3,4", "none of the header's"), ("1,2:3:up", "equally long")],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as error:
        read_archive_frames(write(tmp_path, f"{HEAD}1,2:3,4:up\n{row}\n"))
    assert error.value.line == 6


def test_series_without_labels_are_for_forecasts(tmp_path: Path) -> None:
    path = write(tmp_path, "@classLabel false\n@data\n1,2:3,4\n")
    assert not is_labelled_archive(path)
    with pytest.raises(DataError, match="--task forecast"):
        read_archive_frames(path)
    assert read_archive_frames(path, labelled=False).sequences[0].labels == ()
