"""ARFF: sequences in a relation, in a row, or a row a frame; errors by line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.data.frames.arff import read_arff_frames
from recurra.data.frames.sequences import Recordings
from recurra.data.frames.table import Columns, Reading
from recurra.errors import DataError

UEA = """% a comment
@relation Moves
@attribute moves relational
@attribute t1 numeric
@attribute t2 numeric
@attribute t3 numeric
@end moves
@attribute activity {'Stand still',Walk}

@data
'1,2,3\\n4,5,6','Stand still'
"7,8,?\\n1e1,11,?",Walk
"""
UCR = "@relation r\n@attribute a0 real\n@attribute a1 INTEGER\n@attribute a2 numeric\n@attribute target {1,2}\n@data\n"


def read(folder: Path, text: str, how: Reading = Reading()) -> Recordings:
    (folder / "x.arff").write_text(text)
    return read_arff_frames(folder / "x.arff", how)


def test_a_relation_of_numbered_steps_has_a_channel_a_row(tmp_path: Path) -> None:
    found = read(tmp_path, UEA)
    assert found.channels == ("dimension 1", "dimension 2")
    first, second = found.sequences
    assert first.values.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert second.values.tolist() == [[7, 10], [8, 11]]
    assert [one.labels for one in found.sequences] == [("Stand still",), ("Walk",)]
    assert (second.name, second.line) == ("S2", 12)
    assert not read(tmp_path, UEA, Reading(labelled=False)).sequences[0].labels


def test_a_relation_of_named_channels_has_a_frame_a_row(tmp_path: Path) -> None:
    text = UEA.replace("t1", "x").replace("t2", "y").replace("t3", "z")
    found = read(tmp_path, text)
    assert found.channels == ("x", "y", "z")
    assert found.sequences[0].values.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_plain_row_is_a_sequence_of_one_channel(tmp_path: Path) -> None:
    found = read(tmp_path, UCR + "1,2,3,1\n4,?,6,2\n7,8,?,1\n")
    assert found.channels == ("value",)
    assert found.sequences[0].values.tolist() == [[1], [2], [3]]
    assert np.isnan(found.sequences[1].values[1, 0])
    assert len(found.sequences[2]) == 2
    assert found.classes() == ["1", "2"]


def test_rows_with_ids_are_frames(tmp_path: Path) -> None:
    header = "@relation r\n@attribute id string\n@attribute x numeric\n@attribute Phase {D,'P r'}\n@data\n"
    found = read(tmp_path, header + "a,1,D\na,2,'P r'\nb,?,D\n")
    assert found.per_frame
    assert [one.labels for one in found.sequences] == [("D", "P r"), ("D",)]
    assert np.isnan(found.sequences[1].values[0, 0])
    with pytest.raises(DataError, match=r"x\.arff:8: the id 'a' returns here"):
        read(tmp_path, header + "a,1,D\nb,2,D\na,3,D\n")


def test_groups_are_read_and_not_taken_for_steps(tmp_path: Path) -> None:
    header = UCR.replace("@attribute target", "@attribute user numeric\n@attribute target")
    found = read(tmp_path, header + "1,2,3,7,1\n", Reading(Columns(group="user")))
    assert (found.sequences[0].group, len(found.sequences[0])) == ("7", 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (UCR + "1,2,1\n", r"x\.arff:7: this row has 3 cells, the header 4 attributes"),
        (UCR + "1,2,x,1\n", r"x\.arff:7: 'x' in the column 'a2' is not a number"),
        (UCR + "1,2,3,9\n", r"x\.arff:7: the label '9' is none of the header's, '1', '2'"),
        (UCR + "1,2,3,?\n", r"x\.arff:7: this sequence has no label"),
        (UCR + "?,?,?,1\n", r"x\.arff:7: this sequence has no value at all"),
        (UCR + "{0 1}\n", r"x\.arff:7: a sparse row"),
        (UCR + "1,2,'3,1\n", r"x\.arff:7: a quote without its end"),
        (UCR, r"x\.arff: there is no row below @data"),
        (UCR.replace("@data\n", ""), r"x\.arff: there is no @data"),
        ("@relation r\n@data\n1\n", r"x\.arff: there is no @attribute"),
        ("hello\n", r"x\.arff:1: expected @attribute NAME TYPE before @data, got 'hello'"),
        (UEA.replace("1,2,3", "1,2"), r"x\.arff:11: a row of the relation has 2, 3 values, 'moves' has 3"),
        (UEA.replace("\\n1e1,11,?", ""), r"x\.arff:12: this sequence has 1 channels, the first has 2"),
        (UCR.replace(" {1,2}", " numeric").replace("target", "y") + "1,2,3,4\n", r"no attribute holds labels"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)
