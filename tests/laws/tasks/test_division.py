"""Divided among processes, a batch has the gradient and an evaluation the scores that it has in one, for every task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.api.preparation import prepare_run, settings_for
from recurra.api.setup import Setup
from recurra.tasks.registry import TASKS
from recurra.tasks.sources.resolving import resolve
from recurra.topologies import captioner, grid_encoders
from recurra.topologies.carry import detached
from recurra.training.processes.alone import ALONE, Processes
from recurra.training.processes.place import place
from recurra.training.processes.together import Together
from recurra.training.signals import StopRequest
from tests.laws.tasks.tiny_tasks import SMALL, TINY
from tests.processes import forked

NO_NOISE = {"dropout": 0.0, "recurrent_dropout": 0.0, "zoneout": 0.0}
"""Noise is each process's own."""
ALSO = (
    *("zoneout_cell", "weight_dropout", "embedding_dropout", "input_dropout", "picture_dropout", "reader_dropout"),
    *("state_reset", "word_dropout", "scheduled_sampling"),
)
STEPS = 3
SMALL_GROUPS = {
    "classify.trainee.EVALUATION_TOKENS": 40,
    "tag.trainee.EVALUATION_TOKENS": 20,
    "fill.trainee.AT_ONCE": 7,
    "translate.trainee.EVALUATION_PAIRS": 4,
    "generate.trainee.EVALUATION_TOKENS": 40,
    "frames.trainee.EVALUATION_NUMBERS": 40,
    "generate_frames.trainee.EVALUATION_NUMBERS": 40,
    "caption.trainee.EVALUATION_ROWS": 3,
    "forecast.forecasting.BLOCK": 5,
    "language.trainee.WARM_UP": 4,
}
"""So that every process has some of what is evaluated."""


def prepared(task: str, folder: Path) -> Setup:
    tiny = TINY[task]
    folder.mkdir()
    data = tiny.write(folder)
    names = TASKS[task].defaults.settings.names()
    given = {n: v for n, v in (SMALL | tiny.settings | NO_NOISE).items() if n not in tiny.without and n != "quiet"}
    given |= {name: 0.0 for name in ALSO if name in names}
    source = resolve(data, task)
    setup = prepare_run(source, settings_for(source, given))
    network = setup.network.double()
    loss = network.loss
    network.loss = lambda batch, state=None: loss(doubled(batch), state)
    return setup


def doubled(given: Any) -> Any:
    """The same in float64."""
    if isinstance(given, Tensor):
        return given.double() if given.is_floating_point() else given
    if isinstance(given, tuple):
        return type(given)(*map(doubled, given))
    if hasattr(given, "__dataclass_fields__"):
        return type(given)(**{name: doubled(getattr(given, name)) for name in given.__dataclass_fields__})
    return given


def gradients(setup: Setup, processes: Processes) -> list[dict[str, Any]]:
    """Of the first batches, the state carried, and of one row alone, of which others have none."""
    trainee, network, found, state = setup.trainee, setup.network, [], None
    batches = iter(trainee.batches(0))
    first = next(batches)
    several = [
        first,
        *(batch for batch, _ in zip(batches, range(STEPS - 1), strict=False)),
        trainee.rows(first, slice(0, 1)),
    ]
    with StopRequest() as stop, processes.training(trainee, network, stop):
        for batch in several:
            torch.manual_seed(0)
            network.train()
            network.zero_grad()
            state = None if batch is several[-1] else state
            part = processes.own_part(trainee, batch)
            loss, units, state = trainee.loss(network, part, None if state is None else detached(state))
            processes.weighted(loss, units).backward()
            value, units = processes.reduced(loss.item(), units)
            kept = {name: w.grad.clone() for name, w in network.named_parameters() if w.grad is not None}
            buffers = {name: value.clone() for name, value in network.named_buffers() if value.is_floating_point()}
            found.append({"loss": value, "units": units, "gradients": kept, "buffers": buffers})
        network.float().eval()
        with processes.evaluating():
            found.append(trainee.evaluate(network))
        network.double()
    return found


def test_of_every_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid_encoders, "repainted", lambda blocks: blocks)
    monkeypatch.setattr(captioner, "BY_LOOKING", 0.0)
    monkeypatch.setattr("recurra.tasks.fill.trainee.UNKNOWN_SHARE", 0.0)
    for name, small in SMALL_GROUPS.items():
        monkeypatch.setattr(f"recurra.tasks.{name}", small)
    setups = {task: prepared(task, tmp_path / task) for task in TASKS}
    before = {task: {n: v.clone() for n, v in setup.network.state_dict().items()} for task, setup in setups.items()}
    whole = {task: gradients(setup, ALONE) for task, setup in setups.items()}
    for task, setup in setups.items():
        setup.network.load_state_dict(before[task])

    def divided(rank: int) -> dict[str, Any]:
        processes = Together(place())
        try:
            return {task: gradients(setup, processes) for task, setup in setups.items()}
        finally:
            processes.leave()

    for found in forked(3, divided, tmp_path / "forked"):
        for task in TASKS:
            assert found[task][-1] == pytest.approx(whole[task][-1], rel=1e-6), task
            for ours, theirs in zip(found[task][:-1], whole[task][:-1], strict=True):
                assert ours["units"] == theirs["units"], task
                assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-6), task
                for kind in ("gradients", "buffers"):
                    assert ours[kind].keys() == theirs[kind].keys(), task
                    for name, value in theirs[kind].items():
                        near = 1e-6 * float(value.abs().max()) + 1e-12
                        assert torch.allclose(ours[kind][name], value, rtol=0, atol=near), (task, name)


@pytest.mark.slow
@pytest.mark.parametrize("task", list(TASKS))
def test_a_run_of_two_is_the_run_of_one(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the data to the folder, without noise; float32, so that last digits differ and grow."""
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(grid_encoders, "repainted", lambda blocks: blocks)
    monkeypatch.setattr(captioner, "BY_LOOKING", 0.0)
    monkeypatch.setattr("recurra.tasks.fill.trainee.UNKNOWN_SHARE", 0.0)
    names = TASKS[task].defaults.settings.names()
    quiet = NO_NOISE | {name: 0.0 for name in ALSO if name in names}
    alone = TINY[task].train(tmp_path, tmp_path / "alone", **quiet)

    def do(rank: int) -> list[float]:
        run = TINY[task].train(tmp_path, tmp_path / "two", **quiet)
        return [point["validation_loss"] for point in run.metrics["history"]]

    for found in forked(2, do, tmp_path / "forked"):
        assert found == pytest.approx([point["validation_loss"] for point in alone.metrics["history"]], rel=1e-3)
