"""Two directions in one step of autograd are what the two are by themselves, whoever looks on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.engines.native import library
from recurra.engines.request import CellWeights, Embedded
from recurra.errors import ShapeError
from recurra.recurrence import unroll, unroll_both
from tests.fuzz.engine_checks import using
from tests.laws.law_cases import draw

LENGTHS = torch.tensor([4, 1, 3])


def given(dtype: torch.dtype = torch.float64) -> tuple[list[Tensor], Any]:
    """Leaves (x, table, both directions' states and weights) and what runs on them."""
    torch.manual_seed(1)
    cell = get("lstm")
    shapes = [(3, 4, 5), (6, 5), *[(3, 2)] * 4, *[s for _ in range(2) for s in cell.shapes(5, 2).values()]]
    leaves = [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]
    tokens = torch.tensor([[0, 1, 2, 1]] * 3)

    def parts(tensors: Any, embedded: bool) -> Any:
        x, table, h, c, back_h, back_c, *weights = tensors
        half = len(weights) // 2
        names = list(cell.shapes(5, 2))
        both = [CellWeights.of(dict(zip(names, w, strict=True))) for w in (weights[:half], weights[half:])]
        return Embedded(tokens, table) if embedded else x, ((h, c), (back_h, back_c)), both

    def joined(*tensors: Tensor, embedded: bool = False, engine: str = "native") -> tuple[Tensor, ...]:
        x, states, (first, second) = parts(tensors, embedded)
        y, (last, back) = unroll_both(cell, (first, second), x, states, lengths=LENGTHS, engine=engine)
        return (y, *last, *back)

    def apart(*tensors: Tensor, embedded: bool = False) -> tuple[Tensor, ...]:
        x, states, weights = parts(tensors, embedded)
        y, last = unroll(cell, weights[0], x, states[0], lengths=LENGTHS)
        back_y, back = unroll(cell, weights[1], x, states[1], lengths=LENGTHS, reverse=True)
        return (torch.cat([y, back_y], -1), *last, *back)

    return leaves, (joined, apart)


def cost(results: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([(r * r.sin()).sum() for r in results]).sum()


@pytest.mark.parametrize("embedded", [False, True])
def test_results_gradients_and_their_gradients(embedded: bool) -> None:
    leaves, (joined, apart) = given()
    used = leaves[1:] if embedded else [leaves[0], *leaves[2:]]
    found, expected = joined(*leaves, embedded=embedded), apart(*leaves, embedded=embedded)
    assert len({r.grad_fn for r in found}) == 1
    for own, other in zip(found, expected, strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=0)
    for again in (False, True):
        both = [
            torch.autograd.grad(cost(run(*leaves, embedded=embedded)), used, create_graph=again)
            for run in (joined, apart)
        ]
        torch.testing.assert_close(*both, rtol=1e-12, atol=1e-14)
    seconds = [
        torch.autograd.grad(torch.stack([g.square().sum() for g in gradients]).sum(), used) for gradients in both
    ]
    torch.testing.assert_close(*seconds, rtol=1e-12, atol=1e-13)
    with torch.inference_mode():
        torch.testing.assert_close(joined(*leaves, embedded=embedded), expected, rtol=1e-12, atol=0)


def test_what_nothing_flows_to_has_no_gradient() -> None:
    leaves, (joined, apart) = given()
    few = [leaves[2], leaves[10]]
    fixed = [t if any(t is one for one in few) else t.detach() for t in leaves]
    found, expected = (
        torch.autograd.grad(run(*fixed)[3].sum(), few, allow_unused=True, materialize_grads=True)
        for run in (joined, apart)
    )
    assert not found[0].any()
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_under_autocast_and_in_bfloat16(dtype: torch.dtype) -> None:
    leaves, (joined, apart) = given(dtype)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.float32):
        found, expected = joined(*leaves), apart(*leaves)
        used = [leaves[0], *leaves[2:]]
        both = [torch.autograd.grad(cost(results), used) for results in (found, expected)]
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    torch.testing.assert_close(*both, rtol=1e-2, atol=1e-2)
    assert found[0].dtype == dtype


def test_who_looks_on_sees_the_same() -> None:
    leaves, (joined, apart) = given()
    used, d = [leaves[0], *leaves[2:]], torch.randn(2, 3, 4, 4, dtype=torch.float64)
    both = [
        torch.autograd.grad(run(*leaves)[0], used, d, is_grads_batched=True, allow_unused=True)
        for run in (joined, apart)
    ]
    for own, other in zip(*both, strict=True):
        torch.testing.assert_close(own, other)
    plain = [t.detach() for t in leaves]
    pushed = [torch.func.grad(lambda x, run=run: cost(run(x, *plain[1:])))(plain[0]) for run in (joined, apart)]
    torch.testing.assert_close(*pushed)


def test_what_changes_before_backward_is_refused() -> None:
    leaves, (joined, _) = given()
    y = joined(*leaves)[0]
    leaves[8].data = leaves[8].data[:3]
    with pytest.raises(ShapeError, match=r"before backward\(\)"):
        y.sum().backward()


def test_weights_of_two_types_are_each_checked() -> None:
    leaves, (joined, _) = given()
    odd = [
        *leaves[:4],
        *[t.detach().float() for t in leaves[4:6]],
        *leaves[6:10],
        *[t.detach().float() for t in leaves[10:]],
    ]
    with pytest.raises(ShapeError, match=r"x is torch\.float64, the weights are torch\.float32"):
        joined(*odd)


def test_directions_that_are_not_alike_go_each_as_it_can() -> None:
    leaves, _ = given()
    cell, mask = get("lstm"), torch.rand(3, 2, dtype=torch.float64)
    x, h, c, *weights = leaves[0], *leaves[2:4], *leaves[6:]
    names = list(cell.shapes(5, 2))
    first, second = (CellWeights.of(dict(zip(names, w, strict=True))) for w in (weights[:4], weights[4:]))
    plain = CellWeights(second.weight_ih, second.weight_hh)
    y, (last, back) = unroll_both(cell, (first, plain), x, ((h, c), None), recurrent_masks=(mask, None))
    own, own_last = unroll(cell, first, x, (h, c), recurrent_mask=mask)
    other, other_last = unroll(cell, plain, x, reverse=True)
    for found, expected in zip((y, *last, *back), (torch.cat([own, other], -1), *own_last, *other_last), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize("variant", [*library.variants(), *library.emulated()])
def test_each_on_half_of_the_threads(variant: str, threads: int, bf16: bool) -> None:
    """Threads share units or rows; x is vectors, or tokens that are projected once, or at each step."""
    cell = get("lstm")
    for sizes, rows in (((1, 9, 5, 90), None), ((7, 4, 20, 33), None), ((3, 4, 6, 10), 5), ((3, 4, 6, 10), 40)):
        one, other = (draw(cell, *sizes, seed=seed, dtype=torch.float32) for seed in (1, 2))
        table = draw(cell, 40, 1, sizes[2], 3, seed=5, dtype=torch.float32).x.detach().squeeze(1).requires_grad_()
        lengths = torch.tensor([1 + (i + 3) % sizes[1] for i in range(sizes[0])])
        tokens = torch.arange(sizes[0] * sizes[1]).reshape(sizes[:2]) % (rows or 1)
        x = one.x if rows is None else Embedded(tokens, table[:rows])
        leaves = [
            one.x if rows is None else table,
            *one.state,
            *other.state,
            *one.weights.values(),
            *other.weights.values(),
        ]
        both = CellWeights(**one.weights), CellWeights(**other.weights)
        found = []
        for engine, used in (("reference", 1), ("native", threads)):
            with using(variant, used), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                y, (last, back) = unroll_both(cell, both, x, (one.state, other.state), lengths=lengths, engine=engine)
                results = y, *last, *back
                found.append([*results, *torch.autograd.grad(cost(results), leaves)])
        tolerance = 5e-2 if bf16 else 1e-4
        for own, expected in zip(found[1], found[0], strict=True):
            torch.testing.assert_close(
                own, expected, rtol=tolerance, atol=tolerance * float(expected.detach().abs().max()) + 1e-6
            )
