"""Every task's model in 8 bits: within half a percent or refused with the figures, and whole in its folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

import recurra
from recurra import runtime
from recurra.api import quantising
from recurra.api.runs import summary
from recurra.engines.native import library
from recurra.errors import RecurraError, UsageError
from recurra.layers.stack import Stack
from recurra.tasks.registry import TASKS
from tests.laws.tasks.tiny_tasks import shared_runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, recurra.Run]:
    return shared_runs(tmp_path_factory)


@pytest.mark.parametrize("task", TASKS)
def test_it_costs_half_a_percent_or_is_refused(task: str, runs: dict[str, recurra.Run], tmp_path: Path) -> None:
    refused, made = "", None
    try:
        made = runs[task].quantize(tmp_path / "small")
    except RecurraError as error:
        refused = str(error)
    if made is None:
        assert re.search(r"on the validation part: \S+ -> \S+; the limit is 0.5% of it, ", refused)
        assert not (tmp_path / "small").exists()
        return
    one = made.about["scores"]["validation"]
    assert abs(one["after"] - one["before"]) <= 0.005 * abs(one["before"]) or _better(task, one)


def _better(task: str, one: dict[str, float]) -> bool:
    higher = next(m for m in TASKS[task].metrics if m.better).better == "higher"
    return one["after"] > one["before"] if higher else one["after"] < one["before"]


@pytest.mark.parametrize("task", TASKS)
def test_the_folder_is_whole(
    task: str, runs: dict[str, recurra.Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantising, "LIMIT", float("inf"))
    run = runs[task]
    made = run.quantize(tmp_path / "small")
    assert made.folder == tmp_path / "small"
    small = recurra.load(made.folder)
    assert json.loads((made.folder / "config.json").read_text())["config"]["quantised"]["of"] == run.folder.name
    assert all(part.quantised for part in small.network.modules() if isinstance(part, Stack))
    found = small.evaluate()
    assert found[made.about["metric"]] == made.about["scores"][_part(found["on"])]["after"]
    whose = f"{run.folder.name}, in float32; this is its model in 8 bits: "
    assert f"scores and training are of {whose}" in small._repr_html_()
    for file in ("README.md", "report.html"):
        assert f"Scores and training are of {whose}" in (small.folder / file).read_text("utf-8").replace("\\", "")
    assert small.metrics["of"] == f"{run.folder.name}, float32"
    assert summary(small.folder).standing == f"finished; in 8 bits, scores of {run.folder.name}"
    held = small.folder / "weights.safetensors"
    assert held.stat().st_size < (run.folder / "weights.safetensors").stat().st_size
    with pytest.raises(UsageError, match=f"is quantised: weights of 8 bits do not learn; .* {run.folder.name}"):
        recurra.train(resume=small.folder)
    with pytest.raises(UsageError, match="is quantised already"):
        small.quantize(tmp_path / "again")
    with pytest.raises(UsageError, match="is quantised; --to c is made of float32"):
        small.export("c", tmp_path / "exported")
    if task == "language":
        with pytest.raises(UsageError, match="do not go on learning; mix n-grams,cache"):
            small.mixture("dynamic")


def _part(on: str) -> str:
    return next(part for part in ("test", "validation") if part in on)


@pytest.mark.skipif(library.why_missing() is not None, reason="the native core is not built")
@pytest.mark.parametrize("task", TASKS)
def test_other_machines_have_the_same_weights(
    task: str, runs: dict[str, recurra.Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without torch, and where a quantised layer computes by the weights that its bytes stand for."""
    monkeypatch.setattr(quantising, "LIMIT", float("inf"))
    made = runs[task].quantize(tmp_path / "small")
    network = recurra.load(made.folder).network
    held = dict(network.state_dict())
    for name, part in network.named_modules():
        if isinstance(part, Stack):
            for key in (key for keys in part.stored_keys for stored, key in keys if stored == "weight_ih"):
                values, scale = (held[f"{name}.{key}{end}" if name else key + end] for end in ("_int8", "_scale"))
                assert torch.equal(getattr(part, key), values * scale.unsqueeze(1))
    if task != "caption":  # whose pictures only torch sees
        runtime.load(made.folder)
