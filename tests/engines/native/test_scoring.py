"""Scores of additive attention by the core, in every variant, beside torch's operations in float64."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from recurra.engines.native import library, scoring
from recurra.errors import ShapeError

if not library.variants():
    pytest.skip("no compiled library that this machine can run", allow_module_level=True)

VARIANTS = [*library.variants(), *library.emulated()]

# batch, queries, positions, width: tiles that are whole and that are not, more keys than lie at hand, one number
SIZES = [(1, 1, 1, 1), (2, 4, 3, 16), (3, 7, 5, 37), (5, 2, 130, 9), (1, 70, 2, 64), (40, 3, 6, 33)]
TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5}


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Fresh memory is NaN, and teams are as large as is asked for."""
    name: str = request.param
    threads = torch.get_num_threads()
    monkeypatch.setenv("RECURRA_NATIVE", name)
    library.read_environment_again()
    c = library.load().c
    c.recurra_fill_nan(1)
    c.recurra_threads_as_asked(1)
    torch.use_deterministic_algorithms(True)
    yield name
    torch.use_deterministic_algorithms(False)
    c.recurra_fill_nan(0)
    c.recurra_threads_as_asked(0)
    torch.set_num_threads(threads)
    monkeypatch.undo()
    library.read_environment_again()


def draw(batch: int, count: int, positions: int, width: int, scale: float = 1.0) -> list[Tensor]:
    """Queries, keys, weight, what is past, and the gradient of the scores, in float64 that float32 holds."""
    torch.manual_seed(batch + count + positions + width)
    shapes = (batch, count, width), (batch, positions, width), (width,), (batch, count, positions)
    queries, keys, weight, d_scores = (torch.randn(shape).double() for shape in shapes)
    past = torch.rand(batch, positions) < 0.4
    past[:, 0] = False
    return [queries * scale, keys * scale, weight, past, d_scores]


def due(queries: Tensor, keys: Tensor, weight: Tensor, past: Tensor, d_scores: Tensor) -> list[Tensor]:
    """The scores and the gradients of queries, keys and weight."""
    leaves = [each.clone().requires_grad_() for each in (queries, keys, weight)]
    scores = torch.tanh(leaves[0].unsqueeze(2) + leaves[1].unsqueeze(1)) @ leaves[2]
    kept = (scores * d_scores).masked_fill(past.unsqueeze(1), 0)
    return [scores.detach().masked_fill(past.unsqueeze(1), -torch.inf), *torch.autograd.grad(kept.sum(), leaves)]


def run(queries: Tensor, keys: Tensor, weight: Tensor, past: Tensor, d_scores: Tensor) -> list[Tensor]:
    given = queries, keys, weight, past
    return [scoring.scores(*given), *scoring.gradients(d_scores, *given)]


def assert_near(found: list[Tensor], expected: list[Tensor], dtype: torch.dtype) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == dtype
        sizes = other[other.isfinite()].abs()
        largest = max(1.0, sizes.max().item()) if sizes.numel() else 1.0
        tolerance = TOLERANCES[dtype]
        torch.testing.assert_close(one.double(), other, rtol=tolerance, atol=tolerance * largest, equal_nan=True)


# small sums, sums that saturate, numbers whose exponentials overflow
@pytest.mark.parametrize("scale", [1.0, 16.0, 1024.0])
@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_scores_and_gradients_are_torchs(
    variant: str, sizes: tuple[int, ...], dtype: torch.dtype, scale: float
) -> None:
    given = draw(*sizes, scale=scale)
    expected = due(*given)
    cast = [each if each.dtype == torch.bool else each.to(dtype) for each in given]
    alone: list[Tensor] = []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        found = run(*cast)
        assert_near(found, expected, dtype)
        alone = alone or found
        assert all(torch.equal(one, other) for one, other in zip(alone, found, strict=True))


def test_a_query_has_the_same_scores_alone_and_whatever_else_is_in_its_batch(variant: str) -> None:
    queries, keys, weight, past, _ = (each if each.dtype == torch.bool else each.float() for each in draw(3, 9, 7, 40))
    whole = scoring.scores(queries, keys, weight, past)
    for b in range(3):
        for t in range(9):
            rows = slice(b, b + 1)
            alone = scoring.scores(queries[rows, t : t + 1], keys[rows], weight, past[rows])
            assert torch.equal(alone, whole[rows, t : t + 1])


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
def test_any_layout(variant: str, dtype: torch.dtype) -> None:
    queries, keys, weight, past, d_scores = draw(3, 5, 4, 18)
    expected = due(queries, keys, weight, past, d_scores)
    given = [
        queries.to(dtype).transpose(0, 1).contiguous().transpose(0, 1),
        keys.to(dtype).permute(2, 1, 0).contiguous().permute(2, 1, 0),
        torch.stack([weight, weight], 1).to(dtype)[:, 0],
        past.t().contiguous().t(),
        d_scores.to(dtype).transpose(1, 2).contiguous().transpose(1, 2),
    ]
    assert_near(run(*given), expected, dtype)
    expanded = keys[:1].to(dtype).expand(3, -1, -1)
    cast = [queries.to(dtype), expanded, weight.to(dtype), past, d_scores.to(dtype)]
    assert_near(run(*cast), due(queries, keys[:1].expand(3, -1, -1), weight, past, d_scores), dtype)


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
def test_numbers_that_are_none_stay_with_their_pairs(variant: str, dtype: torch.dtype) -> None:
    for place, number in (((0, 1, 3), torch.nan), ((1, 0, 0), torch.inf), ((0, 2, 1), -torch.inf), ((1, 1, 2), 1e30)):
        for which in (0, 1):
            given = draw(2, 5, 6, 20)
            given[which][place] = number
            cast = [each if each.dtype == torch.bool else each.to(dtype) for each in given]
            assert_near([scoring.scores(*cast[:4])], due(*given)[:1], dtype)
    given = draw(2, 5, 6, 20)
    given[2][3] = 1e25
    cast = [each if each.dtype == torch.bool else each.to(dtype) for each in given]
    assert_near(run(*cast), due(*given), dtype)


def test_what_is_past_is_not_read(variant: str) -> None:
    given = [each if each.dtype == torch.bool else each.float() for each in draw(4, 6, 9, 24)]
    expected, past = run(*given), given[3]
    given[1][past] = torch.nan
    given[4][past.unsqueeze(1).expand(-1, 6, -1)] = torch.nan
    found = run(*given)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    assert not found[2][past].any()


def test_a_row_that_is_all_past(variant: str) -> None:
    given = [each if each.dtype == torch.bool else each.float() for each in draw(3, 4, 5, 8)]
    given[3][1] = True
    scores, d_queries, d_keys, _ = run(*given)
    assert (scores[1] == -torch.inf).all()
    assert not d_queries[1].any()
    assert not d_keys[1].any()


def test_queries_on_which_nothing_depends_have_no_gradients(variant: str) -> None:
    given = [each if each.dtype == torch.bool else each.float() for each in draw(2, 6, 5, 20)]
    given[4][:, 4:] = 0
    expected = run(given[0][:, :4], *given[1:4], given[4][:, :4])
    given[0][:, 4:] = torch.nan  # such as those past a target's end may be
    _, d_queries, d_keys, d_weight = run(*given)
    assert not d_queries[:, 4:].any()
    for one, other in zip((d_queries[:, :4], d_keys, d_weight), expected[1:], strict=True):
        assert torch.equal(one, other)


def test_what_does_not_fit_is_an_error() -> None:
    queries, keys, weight, past, d_scores = (e if e.dtype == torch.bool else e.float() for e in draw(2, 3, 4, 5))
    for given in (
        (queries, keys[:1], weight, past),
        (queries, keys, weight[:4], past),
        (queries, keys, weight, past[:, :3]),
        (queries, keys.double(), weight, past),
        (queries, keys, weight, past.to(torch.uint8)),
    ):
        with pytest.raises(ShapeError, match="expected queries"):
            scoring.scores(*given)
    for wrong in (d_scores[:, :2], d_scores.double()):
        with pytest.raises(ShapeError, match=r"the gradient of scores \[2, 3, 4\]"):
            scoring.gradients(wrong, queries, keys, weight, past)
    keys.untyped_storage().resize_(8)
    with pytest.raises(ShapeError, match="bytes of memory left"):
        scoring.scores(queries, keys, weight, past)


def test_the_core_refuses_what_would_crash() -> None:
    c, room = library.load().c, torch.zeros(64)
    fields = "queries keys weight past scores dscores dqueries dkeys dweight".split()
    good = dict.fromkeys(fields, room.data_ptr())
    good |= dict.fromkeys(("threads", "batch", "count", "positions", "width"), 1)
    for run_it, needed in (
        (c.recurra_additive_scores, ("queries", "keys", "weight", "scores")),
        (c.recurra_additive_gradients, ("queries", "keys", "weight", "dscores", "dqueries", "dkeys", "dweight")),
    ):
        assert run_it(ctypes.byref(library.ScoringCall(**good))) == library.OK
        assert run_it(ctypes.byref(library.ScoringCall(**good | {"past": None}))) == library.OK
        assert run_it(None) == library.BAD_CALL
        bad = [{name: None} for name in needed] + [{"type": 2}, {"width": 0}, {"batch": -1}, {"positions": 1 << 31}]
        for change in bad:
            assert run_it(ctypes.byref(library.ScoringCall(**good | change))) == library.BAD_CALL, change
