"""The metric against the size of the training part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import recurra
from recurra.api import learning_curve
from recurra.errors import UsageError

SMALL: dict[str, Any] = {
    "hidden_size": 4, "embedding_size": 4, "epochs": 1.0, "baselines": "none", "device": "cpu", "quiet": True,
}  # fmt: skip


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"{'ab' if i % 2 else 'cd'}{i},{i % 2}\n" for i in range(200)))
    return path


@pytest.mark.slow
def test_it_stands_in_the_report_and_changes_nothing_of_the_run(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning_curve, "SHARES", (0.25, 1.0))
    plain = recurra.train(rows, out=tmp_path / "plain", **SMALL)
    drawn = recurra.train(rows, out=tmp_path / "drawn", learning_curve=True, **SMALL)
    for name, weight in plain.network.state_dict().items():
        assert torch.equal(weight, drawn.network.state_dict()[name]), name
    record = json.loads((tmp_path / "drawn" / "report.json").read_text(encoding="utf-8"))
    (section,) = (each for each in record["sections"] if each["title"] == "Learning curve")
    (line,) = section["lines"]
    assert line["x"] == [40.0, 160.0, 160.0]
    assert line["y"][1] == line["y"][-1] == drawn.metrics["metrics"]["accuracy"]  # on all data it is the run itself
    assert "training examples" in (tmp_path / "drawn" / "report.html").read_text(encoding="utf-8")
    assert "Learning curve" not in (tmp_path / "plain" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"minutes": 1.0, "epochs": None}, "give epochs"),
        ({"ensemble": 2}, "one network"),
        ({"start_from": "elsewhere"}, "begins anew"),
    ],
)
def test_where_there_can_be_none_it_is_refused(rows: Path, tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        recurra.train(rows, out=tmp_path / "run", learning_curve=True, **SMALL | more)
