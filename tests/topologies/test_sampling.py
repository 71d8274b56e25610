"""Sampling filters: whatever the logits, what is left is a distribution over what was asked for."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.errors import ModelFolderError, UsageError
from recurra.topologies.sampling import draw, filtered, generator, penalised
from recurra.topologies.sampling_bounds import check_sampling

LOGITS = st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=30).map(torch.tensor)
TEMPERATURES = st.floats(0.05, 5)


@settings(deadline=None, max_examples=50)
@given(LOGITS, TEMPERATURES, st.none() | st.integers(1, 40), st.none() | st.floats(0.01, 1))
def test_what_is_left_is_a_distribution(
    logits: torch.Tensor, temperature: float, top_k: int | None, top_p: float | None
) -> None:
    found = filtered(logits, temperature=temperature, top_k=top_k, top_p=top_p)
    assert found.shape == logits.shape
    assert (found >= 0).all()
    assert float(found.sum()) == pytest.approx(1, abs=1e-5)
    chances = (logits / temperature).softmax(-1)
    assert found[chances == chances.max()].any()  # of equally likely ones any may be the one that is kept


@settings(deadline=None, max_examples=50)
@given(LOGITS, TEMPERATURES, st.integers(1, 40))
def test_top_k_keeps_the_k_most_probable(logits: torch.Tensor, temperature: float, k: int) -> None:
    whole = filtered(logits, temperature=temperature)
    found = filtered(logits, temperature=temperature, top_k=k)
    kept = found > 0
    assert int(kept.sum()) <= min(k, len(logits))
    assert int(kept.sum()) >= int(min(k, int((whole > 1e-30).sum())))
    if not kept.all():
        assert logits[kept].min() >= logits[~kept].max() - 1e-9


@settings(deadline=None, max_examples=50)
@given(LOGITS, TEMPERATURES, st.floats(0.01, 0.99))
def test_top_p_keeps_the_smallest_set_that_reaches_p(logits: torch.Tensor, temperature: float, p: float) -> None:
    whole = (logits.double() / temperature).softmax(0)
    kept = filtered(logits, temperature=temperature, top_p=p) > 0
    assert float(whole[kept].sum()) >= p - 1e-9
    if int(kept.sum()) > 1:
        assert float(whole[kept].sum() - whole[kept].min()) < p + 1e-9
    if not kept.all():
        assert float(whole[kept].min()) >= float(whole[~kept].max()) - 1e-12


@settings(deadline=None, max_examples=50)
@given(LOGITS)
def test_temperature_zero_is_the_most_probable(logits: torch.Tensor) -> None:
    found = filtered(logits, temperature=0, top_k=1, top_p=0.3)
    assert found.argmax() == logits.argmax()
    assert found.sum() == 1


def test_ties_at_the_edge_of_top_k_keep_exactly_k() -> None:
    assert int((filtered(torch.zeros(7), top_k=3) > 0).sum()) == 3


def test_equal_halves_at_the_edge_of_top_p_keep_one() -> None:
    assert filtered(torch.tensor([1.0, 1.0]), top_p=0.5).tolist() == [1.0, 0.0]
    assert int((filtered(torch.zeros(10), top_p=0.3) > 0).sum()) in (3, 4)  # 0.1 three times is 0.30000000000000004


def test_forbidden_tokens_are_never_left() -> None:
    logits = torch.tensor([float("-inf"), 0.0, 1.0, float("-inf")])
    for how in ({}, {"top_k": 3}, {"top_p": 0.999}, {"temperature": 0}):
        found = filtered(logits, **how)  # type: ignore[arg-type]
        assert found[0] == found[3] == 0
        assert float(found.sum()) == pytest.approx(1)


def test_huge_logits_stay_numbers() -> None:
    most = torch.finfo(torch.float32).max
    found = filtered(torch.tensor([most, -most, most / 2]), temperature=1e-3)
    assert found.tolist() == [1.0, 0.0, 0.0]
    assert filtered(torch.tensor([1e4, 1e4 - 1, -1e4]), temperature=1e-30).tolist() == [1.0, 0.0, 0.0]


def test_a_single_token_is_certain() -> None:
    assert filtered(torch.tensor([-3.0]), top_k=5, top_p=0.1).tolist() == [1.0]


@pytest.mark.parametrize(
    "given",
    [
        {"temperature": -1},
        {"temperature": float("inf")},
        {"temperature": float("nan")},
        {"top_k": 0},
        {"top_p": 0},
        {"top_p": 1.5},
        {"top_p": float("nan")},
    ],
)
def test_numbers_that_cannot_be_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(given))):
        filtered(torch.zeros(3), **given)  # type: ignore[arg-type]


def test_a_penalty_raises_probabilities_of_what_was_written_to_its_power() -> None:
    logits = torch.tensor([2.0, 1.0, 0.5, -1.0])
    chances = logits.softmax(0)
    expected = torch.stack([chances[0] ** 1.5, chances[1], chances[2] ** 1.5, chances[3]])
    written = torch.tensor([0, 2])
    for offset in (0.0, 10.0, -10.0):  # a constant added to all logits changes nothing
        found = penalised(logits + offset, written, 1.5).softmax(0)
        torch.testing.assert_close(found, expected / expected.sum())


def test_no_penalty_changes_nothing() -> None:
    logits = torch.tensor([2.0, 1.0])
    assert penalised(logits, torch.tensor([0]), 1.0) is logits
    assert penalised(logits, torch.tensor([], dtype=torch.int64), 2.0) is logits


@pytest.mark.parametrize("penalty", [0.9, -1.0, float("inf"), float("nan")])
def test_penalties_that_cannot_be(penalty: float) -> None:
    with pytest.raises(UsageError, match="repetition_penalty must be a number from 1"):
        check_sampling(1.0, None, None, penalty)


@pytest.mark.parametrize("how", [{}, {"temperature": 0.6}, {"top_p": 1.0}, {"top_k": 3}, {"top_p": 0.8}])
def test_draws_are_as_frequent_as_they_are_probable(how: dict[str, float]) -> None:
    scores = torch.tensor([-float("inf"), 0.0, 1.0, 2.0, -1.0, 1.5])
    random, count = generator(0), 20_000
    found = torch.bincount(torch.tensor([draw(scores, random, **how) for _ in range(count)]), minlength=6) / count
    torch.testing.assert_close(found, filtered(scores, **how), rtol=0, atol=0.015)


@settings(deadline=None, max_examples=50)
@given(LOGITS, TEMPERATURES, st.integers(0, 2**62))
def test_a_draw_is_the_one_of_multinomial(logits: torch.Tensor, temperature: float, seed: int) -> None:
    random, other = generator(seed), generator(seed)
    chances = filtered(logits, temperature=temperature)
    found, theirs = draw(logits, random, temperature=temperature), int(torch.multinomial(chances, 1, generator=other))
    if found != theirs:  # rounding decides between two that are as good
        waits = torch.empty_like(logits).exponential_(generator=generator(seed))
        ranked = chances / waits
        assert float(ranked[found]) == pytest.approx(float(ranked[theirs]), rel=1e-4)
    assert torch.equal(random.get_state(), other.get_state())


@pytest.mark.parametrize("scores", [[float("nan"), 1.0], [float("inf"), 1.0], [-float("inf")] * 2])
def test_scores_that_are_no_numbers_are_not_drawn_from(scores: list[float]) -> None:
    with pytest.raises(ModelFolderError, match="not numbers"):
        draw(torch.tensor(scores), generator(0))
