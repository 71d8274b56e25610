"""A training that is watched is the same training; what is seen of it is what is there."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from recurra.api.preparation import prepare_run, settings_for
from recurra.layers.stack import Stack
from recurra.layers.stepping import step_through
from recurra.recurrence import unroll
from recurra.tasks.sources.resolving import resolve
from recurra.training.checkpoint import Counters
from recurra.training.fit import fit
from recurra.training.settings import TrainingSettings
from recurra.training.watch.flow import Flow, flow_of
from recurra.training.watch.layers import Gate, gates_of, radii_of, radius
from recurra.training.watch.record import MOST, LayerLook, Look, Series, Watched
from recurra.training.watch.watch import Watch
from tests.inspection.troubled import PLAIN, counting


def test_a_watched_training_is_bit_for_bit_the_same(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "".join(f"{t},{label}\n" for t, label in counting(100, 0)), encoding="utf-8")
    source = resolve(path, "classify")
    given = PLAIN | {"dropout": 0.3, "zoneout": 0.1, "bidirectional": True, "num_layers": 2, "epochs": 2.0}
    weights = []
    for watched in (False, True):
        setup = prepare_run(source, settings_for(source, given))
        if watched:
            watch = Watch(setup.settings.training, every=2)
            fit(setup.trainee, setup.settings.training, observer=watch)
        else:
            fit(setup.trainee, setup.settings.training)
        weights.append(setup.network.state_dict())
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    seen = watch.seen
    assert [look.step for look in seen.looks] == [1, 2, 4, 6]
    assert [layer.name for layer in seen.looks[0].layers] == [
        "stack.l0", "stack.l0_reverse", "stack.l1", "stack.l1_reverse",
    ]  # fmt: skip
    assert all(0 < value < 1 for value in seen.looks[0].updates.values())
    assert len(seen.losses) == len(seen.norms) == seen.steps == 6
    assert seen.tables == ["table.weight"]
    again = json.loads(json.dumps(seen.to_json(), allow_nan=False))
    assert Watched.from_json(again).to_json() == seen.to_json()


def test_what_diverged_is_read_again() -> None:
    gates = {"f": Gate("sigmoid", math.nan, 0.0, 0.0)}
    layer = LayerLook("stack.l0", Flow((1.0, math.inf)), gates, {"f": math.inf}, 1)
    seen = Watched(1, looks=[Look(1, 0, (layer,), {"w": math.nan}, {"w": math.inf})], diverged=1)
    again = Watched.from_json(json.loads(json.dumps(seen.to_json(), allow_nan=False)))
    assert again.to_json() == seen.to_json()
    assert again.looks[0].layers[0].flow.largest == math.inf


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "min-gru", "slstm"])
def test_the_flow_is_autograds(cell: str) -> None:
    torch.manual_seed(0)
    stack = Stack(3, 5, cell=cell, bidirectional=True, dtype=torch.float64)
    x, lengths = torch.randn(2, 6, 3, dtype=torch.float64), torch.tensor([6, 4])
    weight = torch.randn(5, dtype=torch.float64)
    for course in step_through(stack, x, lengths=lengths):
        gradient = torch.zeros(2, 6, 5, dtype=torch.float64)
        gradient[:] = weight
        found = flow_of(course, gradient, rows=1)
        order = list(range(6))[::-1] if course.direction else list(range(6))
        start = tuple(s[:1, order[0]].detach().requires_grad_() for s in course.before)
        states = [start]
        for step in order:
            _, after = unroll(stack.cell, course.weights, x[:1, step : step + 1], states[-1])
            states.append(after)
        loss = (states[-1][0] * weight).sum()
        expected = []
        for state in states[:0:-1]:
            parts = torch.autograd.grad(loss, state, retain_graph=True, allow_unused=True)
            expected.append(math.sqrt(sum(float(p.square().sum()) for p in parts if p is not None)))
        assert found.norms == pytest.approx([norm / expected[0] for norm in expected], rel=1e-6)


def test_memory_and_rate() -> None:
    assert (Flow((1.0, 0.5, 0.25, 0.125)).memory, Flow((1.0, 0.5, 0.25)).rate) == (3, pytest.approx(0.5))
    assert Flow((1.0, 1.0, 0.1, 0.001, 0.0001)).memory == 2
    assert Flow((1.0, 0.001, 0.001, 0.001)).memory == 3  # what the output takes is not forgotten
    assert Flow((1.0, 4.0, 16.0)).rate == pytest.approx(4.0)
    assert Flow((1.0, math.inf)).largest == math.inf
    assert Flow((1.0,)).memory == 0


def test_radii_are_those_of_the_recurrent_matrices() -> None:
    assert radius(torch.diag(torch.tensor([0.5, -1.5, 1.0]))) == pytest.approx(1.5)
    assert radius(torch.tensor([[0.0, 2.0], [0.0, 0.0]])) == 0
    assert radius(torch.full((2, 2), math.nan)) == math.inf
    large = torch.randn(400, 400, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert radius(large) == pytest.approx(float(torch.linalg.eigvals(large).abs().max()), rel=0.05)
    for options in ({"heads": 2}, {"rank": 2}, {"cell": "lstm-projected", "proj_size": 2}, {"cell": "sru"}):
        stack = Stack(3, 4, **{"cell": "gru", **options})  # type: ignore[arg-type]
        (course,) = step_through(stack, torch.randn(1, 2, 3))
        assert set(radii_of(course)) == set(course.cell.layout().get("weight_hh", ()))


def test_gates_know_their_ends() -> None:
    stack = Stack(3, 4, cell="lstm")
    with torch.no_grad():
        stack.get_parameter("bias_hh_l0").chunk(4)[1].fill_(30.0)
        stack.get_parameter("bias_hh_l0").chunk(4)[0].fill_(-30.0)
    (course,) = step_through(stack, torch.randn(2, 3, 3), lengths=torch.tensor([3, 1]))
    found = gates_of(course)
    assert (found["f"].open, found["i"].shut, found["f"].shut) == (1, 1, 0)
    assert found["g"].kind == "tanh"
    relu = Stack(3, 4, cell="rnn-relu")
    with torch.no_grad():
        relu.get_parameter("bias_ih_l0")[:2] = -99.0
    (course,) = step_through(relu, torch.randn(2, 3, 3))
    assert gates_of(course)["h"].dead >= 0.5


def test_spikes_are_found_with_their_batch() -> None:
    watch = Watch(TrainingSettings(clip_norm=1.0), every=10**6)
    watch._begun = 0.0
    for step in range(60):
        watch._counters = Counters(step=step, epoch=step // 20, step_in_epoch=step % 20)
        watch.graded(9.0 if step == 47 else 1.0 + 0.01 * (step % 3), 0.5 if step % 2 else 2.0)
    (spike,) = watch.seen.spikes
    assert (spike.step, spike.epoch, spike.batch, spike.loss) == (48, 2, 7, 9.0)
    assert (watch.seen.clipped, watch.seen.steps) == (30, 60)


def test_long_series_are_averaged() -> None:
    series = Series()
    for number in range(3 * MOST):
        series.add(float(number))
    assert len(series.values) <= MOST
    assert len(series) == pytest.approx(3 * MOST, abs=series.each)
    assert series.values == sorted(series.values)
