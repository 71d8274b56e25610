"""Derivatives as torch.func, forward mode and batched gradients take them are those of the equations, on any engine."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.engines.request import CellWeights, Embedded
from recurra.recurrence import unroll
from tests.laws.law_cases import draw, every_cell

pytestmark = [  # torch's own forward mode scripts a part of itself
    pytest.mark.filterwarnings("ignore:There is a performance drop"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

Run = Callable[..., Tensor]


def function(
    cell: Cell, engine: str, lengths: Tensor | None = None, *, frozen: bool = False
) -> tuple[Run, list[Tensor]]:
    """A number out of x, the states and the weights, and where to take its derivatives."""
    sample = draw(cell, 3, 3, 2, 4)
    states, names = len(cell.states), list(sample.weights)

    def run(x: Tensor, *rest: Tensor) -> Tensor:
        weights = CellWeights(**dict(zip(names, rest[states:], strict=True)))
        y, last = unroll(cell, weights, x, rest[:states], lengths=lengths, reverse=True, engine=engine)
        return torch.stack([y.sin().sum(), *(s.square().sum() for s in last)])

    leaves = [sample.x, *sample.state, *sample.weights.values()]
    return run, [leaf.detach() for leaf in leaves] if frozen else leaves


def everything(run: Run, at: list[Tensor]) -> dict[str, list[Tensor]]:
    where = tuple(range(len(at)))
    tangents = tuple(torch.linspace(-1, 1, t.numel(), dtype=t.dtype).view_as(t) for t in at)
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(t, v) for t, v in zip(at, tangents, strict=True)]
        pushed = forward_ad.unpack_dual(run(*duals)).tangent
    assert pushed is not None
    some = torch.stack([at[0], at[0] * 2])
    per_sample = torch.func.vmap(torch.func.grad(lambda x: run(x, *at[1:])[0]))(some)
    return {
        "grad": list(torch.func.grad(lambda *v: run(*v).sum(), where)(*at)),
        "jvp": list(torch.func.jvp(run, tuple(at), tangents)),
        "dual": [pushed],
        "jacrev": list(torch.func.jacrev(run, where)(*at)),
        "per sample": [per_sample],
    }


@every_cell
def test_transforms_of_torch_func(cell: Cell) -> None:
    lengths = torch.tensor([3, 1, 2])
    found = everything(*function(cell, "native", lengths, frozen=True))
    expected = everything(*function(cell, "reference", lengths, frozen=True))
    torch.testing.assert_close(found, expected)
    run, at = function(cell, "native", lengths)
    plain = torch.autograd.grad(run(*at).sum(), at, materialize_grads=True, allow_unused=True)
    torch.testing.assert_close(found["grad"], list(plain))


@every_cell
def test_batched_gradients_and_gradients_forward(cell: Cell) -> None:
    run, at = function(cell, "native")
    expected = torch.autograd.functional.jacobian(run, tuple(at))
    for how in ("reverse-mode", "forward-mode"):
        found = torch.autograd.functional.jacobian(run, tuple(at), vectorize=True, strategy=how)
        torch.testing.assert_close(found, expected)


def test_gradcheck_of_every_mode() -> None:
    run, at = function(get("lstm"), "native", torch.tensor([3, 1, 2]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert torch.autograd.gradcheck(
            run, at, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True, fast_mode=True
        )


@pytest.mark.parametrize("engine", ["auto", "native", "reference"])
@pytest.mark.parametrize("dual", ["x", "state", "weights", "table", "mask"])
def test_a_tangent_anywhere(dual: str, engine: str) -> None:
    """With everything else frozen, against a difference of two runs."""
    cell, sample = get("gru"), draw(get("gru"), 3, 4, 2, 5)
    tokens, table = torch.tensor([[0, 1, 2, 1]] * 3), torch.linspace(-1, 1, 6, dtype=torch.float64).view(3, 2)
    values = {"x": sample.x, "state": sample.state[0], "weights": sample.weights["weight_hh"], "table": table}
    values |= {"mask": torch.linspace(0.5, 2, 15, dtype=torch.float64).view(3, 5)}
    values = {n: v.detach() for n, v in values.items()}

    def run(value: Tensor) -> Tensor:
        given = values | {dual: value}
        weights = {n: w.detach() for n, w in sample.weights.items()} | {"weight_hh": given["weights"]}
        x = Embedded(tokens, given["table"]) if dual == "table" else given["x"]
        mask = given["mask"] if dual == "mask" else None
        y, _ = unroll(cell, CellWeights(**weights), x, (given["state"],), recurrent_mask=mask, engine=engine)
        return y.sum()

    at = values[dual]
    tangent = torch.linspace(-1, 1, at.numel(), dtype=torch.float64).view_as(at)
    with forward_ad.dual_level():
        found = forward_ad.unpack_dual(run(forward_ad.make_dual(at, tangent))).tangent
    expected = (run(at + 1e-6 * tangent) - run(at - 1e-6 * tangent)) / 2e-6
    assert found is not None
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_batch_of_anything(engine: str) -> None:
    """vmap over the input, the tokens, the lengths, the weights: each as when called for itself."""
    cell, sample = get("lstm"), draw(get("lstm"), 3, 4, 2, 5)
    weights = CellWeights(**sample.weights)
    lengths = torch.tensor([[4, 1, 2], [3, 4, 1]])
    tokens = torch.tensor([[[0, 1, 2, 1]] * 3, [[2, 2, 0, 1]] * 3])
    table = torch.linspace(-1, 1, 6, dtype=torch.float64).view(3, 2)

    def by_lengths(rows: Tensor) -> Tensor:
        return unroll(cell, weights, sample.x, sample.state, lengths=rows, reverse=True, engine=engine)[0]

    def by_tokens(rows: Tensor) -> Tensor:
        return unroll(cell, weights, Embedded(rows, table), sample.state, engine=engine)[0]

    def by_weight(weight: Tensor) -> Tensor:
        given = CellWeights(**(sample.weights | {"weight_hh": weight}))
        return unroll(cell, given, sample.x, sample.state, engine=engine)[0]

    several = torch.stack([sample.weights["weight_hh"], -sample.weights["weight_hh"]])
    for run, over in ((by_lengths, lengths), (by_tokens, tokens), (by_weight, several)):
        torch.testing.assert_close(torch.func.vmap(run)(over), torch.stack([run(v) for v in over]))


@pytest.mark.parametrize("transform", ["jvp", "per sample"])
def test_within_a_compiled_function(transform: str) -> None:
    torch._dynamo.reset()
    run, (x, *rest) = function(get("gru"), "native", frozen=True)

    def number(x: Tensor) -> Tensor:
        return run(x, *rest).sum()

    of: dict[str, Callable[[Tensor], Tensor]] = {
        "jvp": lambda v: torch.func.jvp(number, (v,), (v,))[1],
        "per sample": lambda v: torch.func.vmap(torch.func.grad(number))(torch.stack([v, 2 * v])),
    }
    compiled = torch.compile(of[transform], backend="aot_eager")
    torch.testing.assert_close(compiled(x), of[transform](x))


def test_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    from recurra.engines.native import by_equations

    by_equations._said.clear()
    run, at = function(get("gru"), "native", frozen=True)
    for _ in range(3):
        torch.func.grad(lambda x: run(x, *at[1:]).sum())(at[0])
    assert [r.name for r in caplog.records] == ["recurra.engines"]
    assert "step by step from the equations" in caplog.text
