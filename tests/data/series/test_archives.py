"""Archives of series: .tsf and .ts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.data.series.reading import Reading, read_panel
from recurra.errors import DataError

TSF = """# a comment
@relation Test
@attribute series_name string
@attribute start_timestamp date
@frequency hourly
@horizon 24
@missing true
@equallength false
@data
T1:2015-01-01 00-00-00:1,2,?,4
T2:2015-06-01 05-00-00:5,6,7
"""
TS = "@problemName P\n@timeStamps false\n@univariate false\n@classLabel true a b\n@data\n1,2,3:4,5,6:a\n7,8,9:1,?,1:b\n"


def test_tsf(tmp_path: Path) -> None:
    path = tmp_path / "t.tsf"
    path.write_text(TSF)
    panel = read_panel(path, Reading())
    assert panel.frequency.name == "hourly"
    assert [one.name for one in panel.series] == ["T1", "T2"]
    assert str(panel.series[1].start) == "2015-06-01T05:00:00"
    assert np.isnan(panel.series[0].target[2, 0])


def test_ts(tmp_path: Path) -> None:
    path = tmp_path / "t.ts"
    path.write_text(TS)
    panel = read_panel(path, Reading())
    assert panel.columns.target == ("dimension 1", "dimension 2")
    assert panel.series[0].target.tolist() == [[1, 4], [2, 5], [3, 6]]


def test_ts_with_times(tmp_path: Path) -> None:
    path = tmp_path / "t.ts"
    pairs = ",".join(f"(2024-01-0{day} 00:00:00,{day})" for day in range(1, 5))
    path.write_text(f"@timeStamps true\n@data\n{pairs}\n")
    panel = read_panel(path, Reading())
    assert panel.frequency.name == "daily"
    assert panel.series[0].target[:, 0].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.tsf", TSF.replace("@data\n", ""), r"t.tsf:9: expected a line that begins with @"),
        ("t.tsf", "@relation x\n", "there is no @data"),
        ("t.tsf", "@data\n", "there is no series below @data"),
        ("t.tsf", TSF.replace("T2:2015-06-01 05-00-00", "T2"), r"t.tsf:11: this series has 1 attributes, .* 2"),
        ("t.tsf", TSF.replace("@frequency hourly", "@frequency often"), "unknown frequency 'often'"),
        ("t.ts", TS.replace("4,5,6", "4,5"), r"t.ts:6: the dimensions of a series are equally long, here 3, 2"),
        ("t.ts", TS.replace("7,8,9:", ""), r"t.ts:7: this series has 1 dimensions, the first has 2"),
        ("t.ts", TS.replace("4,5,6", "4,x,6"), r"t.ts:6: 'x' .* is not a number"),
    ],
)
def test_bad_archives(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        read_panel(path, Reading())
