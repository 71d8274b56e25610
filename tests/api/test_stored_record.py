"""A finished run keeps what its report shows, so that the page can be drawn again without training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import recurra
from recurra import model_folder
from recurra.report.record import RunRecord
from recurra.report.sections import Matrix


def test_the_record_stands_beside_the_report(train: Callable[..., recurra.Run], labels: Path) -> None:
    run = train(labels)
    record = RunRecord.from_json(json.loads(model_folder.read(run.folder).read_extra("report.json")))
    assert next(section for section in record.sections if isinstance(section, Matrix)).names == ["high", "low"]
    assert record.metrics == {k: v for k, v in run.metrics["metrics"].items() if k != "loss"}
    assert len(record.history) == len(run.metrics["history"])
