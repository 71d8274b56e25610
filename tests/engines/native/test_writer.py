"""The core draws as topologies.sampling does, of the same random numbers, and refuses what does not fit."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from recurra.engines.native import library
from recurra.engines.native.stream import NativeStream
from recurra.engines.native.writer import Draws, NativeWriter
from recurra.errors import ShapeError
from recurra.layers.stack import Stack
from recurra.topologies.sampling import draw, filtered, generator, penalised

pytestmark = pytest.mark.skipif(library.why_missing() is not None, reason="no compiled core")


def streams(width: int = 3) -> list[NativeStream]:
    layers = Stack(width, width, cell="gru", engine="native").stream().layers
    return [layer for layer in layers if isinstance(layer, NativeStream)]


def writer(scores: Tensor, how: Draws, written: tuple[int, ...] = ()) -> NativeWriter:
    """One whose scores are these, whatever it reads."""
    count = len(scores)
    return NativeWriter(streams(), torch.zeros(count, 3), torch.zeros(count, 3), scores, how, written)


def waits(seed: int, rows: int, count: int) -> Tensor:
    found, random = torch.empty(rows, count), generator(seed)
    for row in found:
        row.exponential_(generator=random)
    return found


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.floats(-30, 30, width=32) | st.just(-math.inf) | st.integers(-2, 2).map(float), min_size=2, max_size=70
    ),
    st.floats(0.05, 5) | st.just(0.0),
    st.none() | st.integers(1, 80),
    st.none() | st.floats(0.01, 1),
    st.sampled_from([1.0, 1.7]),
    st.integers(0, 2**40),
)
def test_it_draws_what_torch_draws(
    given: list[float], temperature: float, top_k: int | None, top_p: float | None, penalty: float, seed: int
) -> None:
    scores = torch.tensor([*given, 0.5])
    how = Draws(temperature, top_k, top_p, penalty, forbidden=(0,))
    found = writer(scores, how, (1, len(given))).write(1, waits(seed, 3, len(scores)))
    random, written = generator(seed), [1, len(given)]
    for token in found:
        now = scores.clone()
        now[0] = -math.inf
        if penalty != 1:
            now = penalised(now, torch.tensor(written), penalty)
        ours = generator(seed)
        ours.set_state(random.get_state())
        expected = draw(now, random, temperature=temperature, top_k=top_k, top_p=top_p)
        if token != expected:  # rounding decides between two that are as good
            if temperature == 0:
                assert float(now[token]) == pytest.approx(float(now[expected]), rel=1e-6)
            else:
                chances = filtered(now, temperature=temperature, top_k=top_k, top_p=top_p)
                ranked = chances / torch.empty_like(now).exponential_(generator=ours)
                assert float(ranked[token]) == pytest.approx(float(ranked[expected]), rel=1e-4)
            return
        written.append(token)
    assert len(found) == 3


@pytest.mark.parametrize("wrong", [[math.nan, 1.0], [math.inf, 1.0], [-math.inf, -math.inf]])
def test_scores_that_are_no_numbers_are_given_back(wrong: list[float]) -> None:
    one = writer(torch.tensor([0.0, *wrong]), Draws(forbidden=(0,)))
    assert one.write(1, waits(0, 4, 3)) == []
    torch.testing.assert_close(one.scores, torch.tensor([0.0, *wrong]), equal_nan=True)


def test_a_wait_of_nothing_decides_nothing() -> None:
    never = torch.zeros(1, 3)
    assert writer(torch.tensor([0.0, 1.0, 2.0]), Draws(forbidden=(0,))).write(1, never) == []


def test_ties_at_the_edge_of_top_k_keep_the_first() -> None:
    one = writer(torch.zeros(9), Draws(top_k=2, forbidden=(0,)))
    assert set(one.write(1, waits(0, 64, 9))) == {1, 2}
    assert filtered(torch.zeros(9), top_k=2).nonzero().flatten().tolist() == [0, 1]


def test_no_more_is_read_than_there_is() -> None:
    one = writer(torch.zeros(5), Draws())
    for token, numbers in (
        (5, waits(0, 1, 5)),
        (-1, waits(0, 1, 5)),
        (1, waits(0, 1, 4)),
        (1, waits(0, 1, 5).double()),
    ):
        with pytest.raises(ShapeError):
            one.write(token, numbers)
    gone = waits(0, 1, 5)
    gone.untyped_storage().resize_(0)
    with pytest.raises(ShapeError, match="0 bytes of memory left"):
        one.write(1, gone)
    assert len(one.write(1, waits(0, 2, 10)[:, ::2])) == 2


@pytest.mark.parametrize(
    ("table", "weight", "bias"),
    [
        (torch.zeros(5, 4), torch.zeros(5, 3), None),
        (torch.zeros(5, 3), torch.zeros(5, 4), None),
        (torch.zeros(5, 3), torch.zeros(5, 3), torch.zeros(4)),
        (torch.zeros(5, 3), torch.zeros(5, 3).double(), None),
    ],
)
def test_what_does_not_fit_is_refused(table: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    with pytest.raises(ShapeError, match="do not fit"):
        NativeWriter(streams(), table, weight, bias, Draws())
