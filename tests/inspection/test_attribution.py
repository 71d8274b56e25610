"""Integrated gradients: what they must be by their definition, of functions whose integrals are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recurra.errors import RecurraError, UsageError
from recurra.inspection.attribution import attribute, strongest
from recurra.layers.sparse_linear import Found, SparseLinear
from recurra.report.svg import checked_svg
from recurra.tasks.differentiable import Beside, Differentiable, positions_of
from recurra.topologies.neighbourhood import neighbourhood, read_by

POINT = torch.tensor([[1.0, -2.0], [3.0, 0.5], [0.0, 1.0]])


def given(scores: Callable[[Tensor], Tensor], **more: object) -> Differentiable:
    made = Differentiable(
        ["a", "<b>", " "], POINT, torch.zeros_like(POINT), "zeros", "sum", ["it"], scores, ["network"]
    )
    return replace(made, **more)  # type: ignore[arg-type]


def test_of_a_linear_score_they_are_its_terms() -> None:
    weight = torch.tensor([[2.0, 1.0], [-1.0, 4.0], [5.0, 0.0]])
    found = attribute(nn.Module(), given(lambda x: (x * weight).sum((1, 2))[:, None, None]))
    np.testing.assert_allclose(found.parts["network"], [[0.0, -1.0, 0.0]], atol=1e-6)
    np.testing.assert_allclose(found.values[0], (POINT * weight).numpy(), atol=1e-6)
    assert (found.outputs.tolist(), found.base_outputs.tolist()) == ([-1.0], [0.0])
    assert found.error < 1e-6


def test_of_powers_and_products_they_are_the_integral_by_hand() -> None:
    cubes = attribute(nn.Module(), given(lambda x: x.pow(3).sum((1, 2))[:, None, None]))
    np.testing.assert_allclose(cubes.values[0], POINT.pow(3).numpy(), atol=1e-5)
    # x y: the integral of a y x over a from 0 to 1 is half of it for each
    product = attribute(nn.Module(), given(lambda x: (x[:, 0, 0] * x[:, 1, 0])[:, None, None]))
    np.testing.assert_allclose(product.parts["network"], [[1.5, 1.5, 0.0]], atol=1e-6)


def test_points_are_doubled_until_the_sums_meet_and_a_jump_is_refused() -> None:
    steep = attribute(nn.Module(), given(lambda x: torch.sigmoid(60 * (x[:, 0, 0] - 0.37))[:, None, None]))
    assert steep.points > 16
    assert steep.total.sum() == pytest.approx(1.0, rel=0.01)
    with pytest.raises(RecurraError, match=r"miss 100.0% of the difference"):
        attribute(nn.Module(), given(lambda x: ((x[:, 0, 0] > 0.5) + 0 * x[:, 0, 0])[:, None, None]))


def test_of_long_inputs_fewer_points_are_run_at_once() -> None:
    steps, run = 10_000, []
    point = torch.ones(steps, 1)

    def scores(x: Tensor) -> Tensor:
        run.append(len(x))
        return x.pow(2).sum((1, 2))[:, None, None]

    found = attribute(nn.Module(), given(scores, steps=["x"] * steps, point=point, base=torch.zeros_like(point)))
    np.testing.assert_allclose(found.parts["network"], np.ones((1, steps)), atol=1e-6)
    assert (max(run), sum(run)) == (3, 2 + 16)


def test_parts_and_several_scores_stay_apart() -> None:
    def scores(x: Tensor) -> Tensor:
        return torch.stack([torch.stack([x[:, 0, 0], x[:, 1, 1]], -1), torch.stack([x[:, 2, 1], x[:, 0, 1]], -1)], 1)

    beside = Beside("skip", np.array([[0.5, 0, 0], [0, 0, 1.0]]), np.zeros(2), np.ones(2), [("<n>", 0.5)])
    found = attribute(
        nn.Module(), given(scores, targets=["one", "two"], parts=["left", "right"], beside=beside, at=[0, 2])
    )
    np.testing.assert_allclose(found.parts["left"], [[1, 0, 0], [0, 0, 1]], atol=1e-6)
    np.testing.assert_allclose(found.parts["right"], [[0, 0.5, 0], [-2, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(found.total, [[1.5, 0.5, 0], [-2, 0, 2]], atol=1e-6)
    np.testing.assert_allclose(found.outputs, [3.0, 1.0], atol=1e-6)
    drawn = checked_svg(found.plot())
    assert "&lt;b&gt;" in drawn
    one = checked_svg(attribute(nn.Module(), given(lambda x: x.sum((1, 2))[:, None, None])).plot())
    assert all(f">{value}</text>" in one for value in ("-1.00", "+3.50", "+1.00"))
    assert "␣" in one


def test_places_that_there_are_not_are_refused() -> None:
    assert positions_of(None, 3, "token") == [0, 1, 2]
    assert positions_of(2, 3, "token") == [2]
    for at, words in ((3, "from 0 to 2"), (True, "from 0 to 2")):
        with pytest.raises(UsageError, match=words):
            positions_of(at, 3, "token")
    with pytest.raises(UsageError, match="more than 40 tokens"):
        positions_of(None, 41, "token")


def test_strongest_are_largest_whatever_their_sign() -> None:
    assert strongest([0.1, -3.0, 2.0], 2) == [1, 2]


def test_what_each_occurrence_adds_sums_to_the_skip() -> None:
    torch.manual_seed(0)
    skip = SparseLinear(4, 3)
    skip.take(torch.tensor([2, 5, 7, 9]), torch.rand(4) + 0.5, torch.randn(4, 3), torch.randn(3))
    skip.share.fill_(0.7)
    found = Found(torch.tensor([5, 9, 5, 1, 2, 9]), torch.tensor([0, 0, 0, 0, 1, 1]), 3)
    each = skip.each(found)
    assert torch.equal(each[0], each[2])
    assert not each[3].any()
    sums = torch.zeros(3, 3).index_add_(0, found.rows, each) + skip.share * skip.bias
    torch.testing.assert_close(sums, skip(found))


def test_a_feature_says_which_tokens_it_reads() -> None:
    """Another token changes the features that read its place, and no others."""
    words, letters = torch.arange(6), torch.randint(1, 9, (6, 3), generator=torch.Generator().manual_seed(0))
    sizes = torch.tensor([3, 2, 3, 3, 2, 3])
    tokens = torch.tensor([[0, 1, 2, 3, 4]])
    other = torch.tensor([[0, 1, 5, 3, 4]])
    before, after = (neighbourhood(t, words, None, letters, sizes) for t in (tokens, other))
    read = read_by(tokens, words, None, letters, sizes)
    assert len(read) == len(before.keys)
    for row in range(5):
        own = [
            (int(key), away) for key, place, away in zip(before.keys, before.rows, read, strict=True) if place == row
        ]
        there = {int(key) for key, place in zip(after.keys, after.rows, strict=True) if place == row}
        assert all(key in there for key, away in own if 2 - row not in away)
        alone = [key for key, away in own if away == (2 - row,) and len(away) == 1]
        assert not alone or any(key not in there for key in alone)
