"""A window of values to quantiles of a horizon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from recurra.errors import ShapeError, UsageError
from recurra.topologies.forecaster import Drawn, Forecaster, ForecasterBatch, Widths, Windows, pinball
from recurra.topologies.settings import ForecasterSettings

LEVELS = (0.1, 0.5, 0.9)


def windows(values: torch.Tensor, widths: Widths, horizon: int) -> Windows:
    batch, length, _ = values.shape
    draw = torch.Generator().manual_seed(1)
    return Windows(
        values,
        torch.zeros_like(values),
        torch.randn(batch, length, widths.past, generator=draw),
        torch.randn(batch, length + horizon, widths.ahead, generator=draw),
        torch.randn(batch, widths.static, generator=draw),
        torch.ones(batch, widths.target),
        torch.zeros(batch, widths.target),
    )


def network(widths: Widths, *, by_window: bool = True) -> Forecaster:
    torch.manual_seed(0)
    made = Forecaster(8, 3, widths, LEVELS, ForecasterSettings(cell="gru", hidden_size=8), by_window=by_window)
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return made.eval()


@pytest.mark.parametrize("widths", [Widths(1), Widths(2, 1, 3, 2)])
@pytest.mark.parametrize("by_window", [True, False])
def test_shapes_and_quantiles_that_do_not_cross(widths: Widths, by_window: bool) -> None:
    made = network(widths, by_window=by_window)
    found, state = made(windows(torch.randn(5, 8, widths.target), widths, 3))
    assert found.shape == (5, 3, widths.target, 3)
    assert (found.diff(dim=-1) > 0).all()
    assert state[0].shape == (1, 5, 8)


def test_the_newest_value_changes_the_first_step() -> None:
    """Also without the linear skip: the state that forecasts has read the newest input."""
    made = network(Widths(1))
    torch.nn.init.zeros_(made.skip.weight)
    values = torch.randn(1, 8, 1)
    other = values.clone()
    other[0, -1] += 1.0
    one, two = (made(windows(v, Widths(1), 3))[0] - v[:, -1:, :, None] for v in (values, other))
    assert (one[0, 0] - two[0, 0]).abs().min() > 1e-3


@pytest.mark.parametrize("value", [0.0, 5.0, -1e6])
def test_a_constant_window_gives_numbers(value: float) -> None:
    made = network(Widths(1)).train()
    seen = windows(torch.full((2, 8, 1), value), Widths(1), 3)
    loss = made.loss(ForecasterBatch(seen, torch.full((2, 3, 1), value))).mean
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(w.grad).all() for w in made.parameters() if w.grad is not None)


def test_level_and_size_do_not_matter() -> None:
    made = network(Widths(1))
    values = torch.randn(3, 8, 1)
    one, _ = made(windows(values, Widths(1), 3))
    two, _ = made(windows(7 + 3 * values, Widths(1), 3))
    assert torch.allclose(two, 7 + 3 * one, atol=1e-4)


def test_it_starts_as_the_linear_forecast() -> None:
    torch.manual_seed(0)
    made = Forecaster(8, 3, Widths(1), LEVELS, ForecasterSettings(cell="gru", hidden_size=8)).eval()
    rng = np.random.default_rng(0)
    weight, residuals = rng.normal(size=(8, 3)), rng.normal(size=(500, 3, 1))
    made.start_from((weight, np.zeros(3)), None, residuals)
    seen = windows(torch.randn(4, 8, 1), Widths(1), 3)
    z, last, scale = made.normalised(seen)
    expected = last + scale * (made.linear_inputs(seen, z) @ torch.tensor(weight).float())
    found, _ = made(seen)
    assert torch.allclose(found[:, :, 0, 1], expected, atol=1e-5)
    width = (found[:, :, 0, 2] - found[:, :, 0, 0]) / scale
    assert torch.allclose(width, torch.tensor(2 * 1.28), rtol=0.15)
    assert not any(w.requires_grad for w in made.skip.parameters())


def test_of_the_level_nothing_is_lost_where_that_is_asked_for() -> None:
    seen = windows(torch.randn(3, 8, 1), Widths(1), 3)
    higher = replace(seen, values=seen.values + 2)
    moved = []
    for by_level in (False, True):
        torch.manual_seed(0)
        made = Forecaster(
            8, 3, Widths(1), LEVELS, ForecasterSettings(cell="gru", hidden_size=8), by_window=False, by_level=by_level
        ).eval()
        torch.nn.init.normal_(made.head.weight)
        moved.append((made(higher)[0] - made(seen)[0] - 2).abs().max().item())
        inputs = made.linear_inputs(seen, made.normalised(seen)[0])
        last = seen.values[:, -1, 0] if by_level else torch.zeros(3)
        assert torch.allclose(inputs[:, -1], last)
        assert torch.allclose(inputs[:, :-1], seen.values[:, :-1, 0] - seen.values[:, -1:, 0], atol=1e-6)
    assert moved[0] < 1e-5 < 1e-2 < moved[1]


def test_a_perceptron_is_added_to_the_linear_forecast() -> None:
    torch.manual_seed(0)
    settings = ForecasterSettings(cell="gru", hidden_size=8)
    made = Forecaster(8, 3, Widths(1), LEVELS, settings, by_window=False, by_level=True, drawn=Drawn(4, 2)).eval()
    rng = np.random.default_rng(0)
    ridge, into, out = ((rng.normal(size=shape), rng.normal(size=shape[1])) for shape in ((8, 3), (2, 4), (4, 3)))
    made.start_from(ridge, (into, out, (np.full(3, -1.0), np.full(3, 0.5))), rng.normal(size=(50, 3, 1)))
    seen = windows(torch.randn(5, 8, 1), Widths(1), 3)
    inputs = made.linear_inputs(seen, made.normalised(seen)[0]).double().numpy()
    said = np.tanh(inputs[:, -2:] @ into[0] + into[1]) @ out[0] + out[1]
    assert ((said < -1) | (said > 0.5)).any()
    expected = inputs @ ridge[0] + ridge[1] + np.clip(said, -1, 0.5)
    found = (made(seen)[0] - seen.values[:, -1:, :, None])[:, :, 0, 1]
    assert np.allclose(found.detach().numpy(), expected, atol=1e-4)
    recurrent, skipped = made.medians(seen)
    assert torch.allclose(recurrent, torch.zeros(()))
    assert torch.allclose(skipped[..., 0] - seen.values[:, -1:, 0], found, atol=1e-5)


def test_what_a_skip_said_without_them_takes_its_place_in_a_loss() -> None:
    made = network(Widths(1))
    seen, targets = windows(torch.randn(4, 8, 1), Widths(1), 3), torch.randn(4, 3, 1)
    z, _, _ = made.normalised(seen)
    said = made.skip(made.linear_inputs(seen, z)).view(4, 3, 1)
    losses = [made.loss(ForecasterBatch(seen, targets, aside)).mean.item() for aside in (None, said, said + 1)]
    assert losses[0] == pytest.approx(losses[1])
    assert losses[0] != pytest.approx(losses[2])


def test_widening_is_for_use_alone() -> None:
    made = network(Widths(1))
    seen = windows(torch.randn(4, 8, 1), Widths(1), 3)
    before, _ = made(seen)
    made.widening.fill_(2.0)
    after, _ = made(seen)
    middle = before[..., 1:2]
    assert torch.allclose(after - middle, 2 * (before - middle), atol=1e-5)
    assert torch.equal(made.train()(seen)[0], before)


def test_pinball_leaves_missing_targets_out() -> None:
    quantiles = torch.tensor([[[[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]]])
    found = pinball(quantiles, torch.tensor([[[3.0], [float("nan")]]]), torch.ones(1, 1), LEVELS)
    assert float(found) == pytest.approx(2 * (0.3 + 1.0 + 0.9) / 3)


def test_what_cannot_be() -> None:
    settings = ForecasterSettings(cell="gru", hidden_size=8)
    with pytest.raises(UsageError, match=r"hold 0.5"):
        Forecaster(8, 3, Widths(1), (0.1, 0.9), settings)
    with pytest.raises(ShapeError, match=r"expected values \[B, 8, 1\], got \[2, 9, 1\]"):
        network(Widths(1))(windows(torch.randn(2, 9, 1), Widths(1), 3))
