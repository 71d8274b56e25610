"""Frames in tables: what columns are, which rows are a sequence, and what is refused with its row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.data.frames.table import Columns, Reading, looks_like_frames, read_table_frames
from recurra.errors import DataError

ROWS = ["id,t,x,y,label", "a,1,0.5,1,up", "a,2,,2,up", "b,1,3,4,down"]


def write(folder: Path, rows: list[str], name: str = "moves.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_rows_of_an_id_are_a_sequence_of_the_columns_of_numbers(tmp_path: Path) -> None:
    found = read_table_frames(write(tmp_path, ROWS), Reading())
    assert found.channels == ("x", "y")
    assert [(one.name, one.label, len(one), one.line) for one in found.sequences] == [
        ("a", "up", 2, 2),
        ("b", "down", 1, 4),
    ]
    np.testing.assert_array_equal(found.sequences[0].values, [[0.5, 1], [np.nan, 2]])
    assert not found.per_frame
    assert found.classes() == ["down", "up"]


def test_labels_that_vary_inside_a_sequence_are_those_of_frames(tmp_path: Path) -> None:
    path = write(tmp_path, ["x,phase", "1,rest", "2,stroke", "3,rest"])
    found = read_table_frames(path, Reading())
    assert found.per_frame
    assert found.sequences[0].name == "moves"
    assert found.sequences[0].labels == ("rest", "stroke", "rest")
    assert any("no column names sequences" in note for note in found.notes)


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    import polars as pl

    pl.read_csv(write(tmp_path, ROWS)).write_parquet(tmp_path / "moves.parquet")
    text, packed = (read_table_frames(tmp_path / name, Reading()) for name in ("moves.csv", "moves.parquet"))
    assert text.channels == packed.channels
    for one, other in zip(text.sequences, packed.sequences, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        assert one.labels == other.labels


def test_rows_are_put_in_order_where_that_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, ["id,t,x,label", "a,2,20,u", "b,1,5,v", "a,1,10,u"])
    with pytest.raises(DataError, match="returns here") as error:
        read_table_frames(path, Reading())
    assert error.value.line == 4
    assert "--sort" in str(error.value)
    found = read_table_frames(path, Reading(sort=True))
    assert [one.values[:, 0].tolist() for one in found.sequences] == [[10, 20], [5]]


@pytest.mark.parametrize(
    ("rows", "line", "said"),
    [
        (["id,t,x,label", "a,2,1,u", "a,1,1,u"], 3, "lies before"),
        (["id,t,x,label", "a,2,1,u", "a,2,1,u"], 3, "stands twice"),
        (["id,x,label", "a,1,u", "a,inf,u"], 3, "is infinite"),
        (["id,x,label", "a,1,u", 'a,"2,5",u'], 3, "--decimal ,"),
        (["id,x,y,label", *["a,1,1,u"] * 20, "a,2,on,u"], 22, "'on' in the column 'y' is not a number"),
        (["id,x,label", "a,1,u", "a,2,"], 3, "has no label"),
        (["id,x,y", "a,1,2"], None, "--label COLUMN"),
        (["id,label", "a,u"], None, "no column holds numbers"),
    ],
)
def test_bad_rows_are_named_with_a_remedy(tmp_path: Path, rows: list[str], line: int | None, said: str) -> None:
    path = write(tmp_path, rows)
    with pytest.raises(DataError) as error:
        read_table_frames(path, Reading())
    assert said in str(error.value)
    assert error.value.line == line
    assert path.name in str(error.value)


def test_a_group_is_of_a_whole_sequence(tmp_path: Path) -> None:
    rows = ["id,x,label,user", "a,1,u,ann", "a,2,u,bob"]
    with pytest.raises(DataError, match="then 'bob'") as error:
        read_table_frames(write(tmp_path, rows), Reading(Columns(group="user")))
    assert error.value.line == 3


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'label'"):
        read_table_frames(write(tmp_path, ROWS), Reading(Columns(label="labels")))
    assert read_table_frames(write(tmp_path, ROWS), Reading(Columns(time="none"))).channels == ("x", "y")


def test_what_looks_like_frames(tmp_path: Path) -> None:
    assert looks_like_frames(write(tmp_path, ROWS))
    assert looks_like_frames(write(tmp_path, ["id,x,y,label", *["a,1,2,u"] * 20, "a,inf,2,u"]))  # who reads it says so
    assert looks_like_frames(write(tmp_path, ["timestamp,x,y,phase", "1,2,3,rest", "2,3,4,rest"]))
    for rows in (
        ["text,label", "good,pos", "bad,neg"],
        ["ds,y", "2020-01-01,3", "2020-01-02,4"],
        ["sepal,petal,class", "1,2,a", "2,3,b"],
        ["id,x,y,label", "1,2,3,a", "2,3,4,b"],
        ["date,open,close,state", "2020-01-02,3,4,up", "2020-01-03,3,4,up"],
    ):
        assert not looks_like_frames(write(tmp_path, rows)), rows


@pytest.mark.parametrize(("wanted", "said"), [(("x",), "1 channel: 'x'"), (("x", "y"), "2 channels: 'x', 'y'")])
def test_what_is_read_is_counted(tmp_path: Path, wanted: tuple[str, ...], said: str) -> None:
    assert said in read_table_frames(write(tmp_path, ROWS), Reading(Columns(channels=wanted))).notes
