"""What is odd about the data of every task: rows are those of its parts, whatever these are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.api.preparation import prepare_run, settings_for
from recurra.inspection.data_checks import facts_of
from recurra.tasks.registry import TASKS
from recurra.tasks.sources.resolving import resolve
from tests.laws.tasks.tiny_tasks import TINY

UNLABELLED = {"language", "fill", "caption", "tag", "translate", "generate", "generate-frames"}


@pytest.mark.parametrize(
    "task", [task for task in TASKS if task != "forecast"]
)  # whose parts are windows of one series
def test_the_rows_of_every_task_are_looked_at(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    source = resolve(TINY[task].write(tmp_path), task)
    given = {name: value for name, value in TINY[task].settings.items() if name not in ("epochs", "quiet")}
    setup = prepare_run(source, settings_for(source, given | {"device": "cpu", "epochs": 1.0}))
    parts = setup.dataset.parts
    found = facts_of(parts, ["a", "b"])
    assert found.examples > 0
    assert found.length > 0
    assert (found.prior is None) == (task in UNLABELLED)
    twice = facts_of({"train": parts["train"], "validation": parts["train"]}, ["a", "b"])
    several = task not in ("language", "fill", "caption")  # whose rows may be there twice
    assert twice.leaked == (found.examples if several else 0)
    if found.token_drift is not None:
        assert twice.token_drift == pytest.approx(0, abs=1e-9)


def test_pairs_are_the_same_where_both_sides_are() -> None:
    from recurra.tasks.translate.encoding import PairPart

    sources = [np.array(row) for row in ([1, 2], [1, 2], [1, 2], [3])]
    targets = [np.array(row) for row in ([5], [6], [5], [7])]
    part = PairPart([""] * 4, [""] * 4, sources, targets)  # type: ignore[arg-type]
    assert facts_of({"train": part, "validation": part}, []).repeated == 1
