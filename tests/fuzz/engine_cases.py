"""Drawn requests: what engines may be asked for, with every tail, layout, type and path."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from recurra.cells.definition import Cell
from recurra.engines.native.compiled import compiled
from recurra.engines.native.operators import by_operator
from recurra.engines.request import CellWeights, Embedded
from recurra.recurrence import stream, unroll
from tests.laws.cells_for_tests import CELLS
from tests.laws.law_cases import POSITIVE, place_weights

Answer = dict[str, Tensor]

EDGES = (1, 2, 3, 4, 6, 7, 8, 12, 13, 14, 16, 24, 32, 48, 64, 72, 96, 128, 144, 192)
"""Sizes around which blocks, panels, tiles, groups and chunks end."""

MOST_ROWS = 700
"""Steps of all rows together, at most: more than the depth of a pass, 512."""

LAYOUTS = ("rows", "turned", "stepped", "offset", "expanded")


@dataclass(frozen=True)
class Case:
    """One request. The numbers in it are drawn from `numbers` alone."""

    variant: str
    threads: int
    cell: str
    kind: str  # float32, float64, or bfloat16: float32 with products of bfloat16
    batch: int
    time: int
    inputs: int
    hidden: int
    vocabulary: int  # 0: vectors, no tokens
    lengths: str
    reverse: bool
    bias: bool
    masked: bool
    state: bool
    layouts: tuple[str, ...]  # of x or the table, the weights, the states
    loss: str
    wanted: str
    path: str
    numbers: int
    heads: int = 1


def draw(seed: int, variants: Sequence[str]) -> Case:
    """The same case for the same seed, as long as the variants are the same."""
    rng = random.Random(seed)

    def size(most: int) -> int:
        if rng.random() < 0.5:
            return min(most, max(1, rng.choice(EDGES) + rng.choice((-1, 0, 0, 1))))
        return rng.randint(1, most)

    batch = size(rng.choice((5, 20, 100, 200)))
    time = size(max(1, min(rng.choice((3, 10, 40)), MOST_ROWS // batch)))
    kind = rng.choice(("float32", "float32", "float64", "float64", "bfloat16"))
    cell = rng.choice(CELLS)
    made = Case(
        variant=rng.choice(list(variants)),
        threads=rng.choice((1, 1, 2, 3, 8)),
        cell=cell.name,
        kind=kind,
        batch=batch,
        time=time,
        inputs=size(rng.choice((5, 40, 200))),
        hidden=size(rng.choice((20, 100, 200))),
        vocabulary=rng.choice((0, 0, 0, size(60))),
        lengths=rng.choice(("none", "none", "drawn", "drawn", "sorted", "ones", "int32")),
        reverse=rng.random() < 0.4,
        bias=rng.random() < 0.8 or not can_lack_bias(cell),
        masked=rng.random() < 0.2,
        state=rng.random() < 0.7,
        layouts=tuple(rng.choice(("rows", *LAYOUTS)) for _ in range(8)),
        loss=rng.choice(("all", "all", "y", "last", "sum", "first step")),
        wanted=rng.choice(("all", "all", "input", "weights", "state", "one")),
        path=rng.choice(("eager", "eager", "eager", "operator", "moved", "stream")),
        numbers=rng.randrange(1 << 30),
    )
    heads = 1
    if "weight_hh" in cell.layout() and "weight_hr" not in cell.layout() and rng.random() < 0.3:
        heads = rng.choice([n for n in range(1, made.hidden + 1) if made.hidden % n == 0])
    made = replace(made, heads=heads)
    if "weight_hh" not in cell.layout() and rng.random() < 0.3:  # wide rows of many steps, which run one by one
        sizes = {"batch": (4, 7, 9), "time": (48, 50, 97, 130), "hidden": (128, 131, 144)}
        made = replace(made, **{name: rng.choice(most) for name, most in sizes.items()})
    return made


def can_lack_bias(cell: Cell) -> bool:
    return bool({"bias_ih", "bias_hh"} & cell.layout().keys())


def has_kinks(cell: Cell) -> bool:
    """Whether a derivative of the step jumps: there, roundings may count for a whole unit."""
    return any(node.op in ("relu", "minimum", "maximum", "abs", "sign") for node in cell.program().nodes)


def tolerance(case: Case) -> float:
    """Where units may be alike, as with weights that repeat, normalising makes 1 / sqrt(epsilon) of a rounding."""
    cell = next(c for c in CELLS if c.name == case.cell)
    epsilons = [node.value for node in cell.program().nodes if node.op == "spread" and node.value]
    larger = min(epsilons) ** -0.5 if epsilons and case.kind != "bfloat16" else 1.0
    return TOLERANCE[case.kind] * larger


def laid_out(tensor: Tensor, layout: str) -> Tensor:
    """These numbers in another place; "expanded" repeats the first along one axis."""
    if layout == "turned":
        order = list(range(tensor.dim()))[::-1]
        return tensor.permute(order).contiguous().permute(order)
    if layout == "stepped":
        axis = tensor.dim() - 1
        return tensor.repeat_interleave(2, axis)[(..., slice(None, None, 2))]
    if layout == "offset":
        room = tensor.new_full((tensor.numel() + 3,), float("nan"))
        return room[3:].view(tensor.shape).copy_(tensor)
    if layout == "expanded":
        return tensor.narrow(0, 0, 1).expand(tensor.shape)
    return tensor


class Drawn:
    """The tensors of a case, float64, and the leaves that an engine is run on."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.cell = next(c for c in CELLS if c.name == case.cell)
        generator = torch.Generator().manual_seed(case.numbers)
        layouts = iter(case.layouts)

        def normal(*shape: int, scale: float, positive: bool = False) -> Tensor:
            values = torch.randn(shape, generator=generator, dtype=torch.float64) * scale
            values = values.abs() + 0.3 if positive else values
            values = values.float().double()  # numbers that float32 has
            return laid_out(values, next(layouts, "rows"))

        def whole(most: int, *shape: int) -> Tensor:
            return torch.randint(0, most, shape, generator=generator)

        b, t, h = case.batch, case.time, case.hidden
        self.tokens = whole(case.vocabulary, b, t) if case.vocabulary else None
        if self.tokens is not None and case.numbers % 3 == 0:
            self.tokens = self.tokens.T.contiguous().T
        shape = (b, t, case.inputs) if self.tokens is None else (case.vocabulary, case.inputs)
        scales = {"weight_ih": 0.6 * case.inputs**-0.5, "weight_hh": 0.6 * h**-0.5}
        self.leaves = {"input": normal(*shape, scale=1.0)}
        shapes = self.cell.shapes(case.inputs, h, bias=case.bias)
        if case.heads > 1:
            shapes["weight_hh"] = (shapes["weight_hh"][0], h // case.heads)
        self.leaves |= {name: normal(*s, scale=scales.get(name, 0.5)) for name, s in shapes.items()}
        self.weights = tuple(shapes)
        self.states = tuple(f"state {s}" for s in self.cell.states) if case.state else ()
        self.leaves |= {
            name: normal(b, h, scale=0.5, positive=(self.cell.name, name.removeprefix("state ")) in POSITIVE)
            for name in self.states
        }
        kept = torch.rand(b, h, generator=generator, dtype=torch.float64) < 0.7
        self.mask = kept / 0.75 if case.masked else None
        self.lengths = self._lengths(whole(t, b) + 1)
        chosen = {"all": None, "input": ["input"], "weights": self.weights, "state": self.states, "one": None}
        names = chosen[case.wanted]
        if case.wanted == "one":
            names = [list(self.leaves)[case.numbers % len(self.leaves)]]
        self.wanted = list(self.leaves) if not names else list(names)

    def _lengths(self, drawn: Tensor) -> Tensor | None:
        match self.case.lengths:
            case "none":
                return None
            case "sorted":
                return drawn.sort(descending=True).values
            case "ones":
                return torch.ones_like(drawn)
            case "int32":
                return drawn.to(torch.int32)
            case _:
                return drawn

    def run(self, engine: str, dtype: torch.dtype, roundings: AbstractContextManager[None] | None = None) -> Answer:
        """Outputs, states and wanted gradients by this engine, in this type.

        roundings: what the reference engine's products are put through, see `engine_roundings`.
        """
        plain = engine == "reference"
        leaves = {n: (v.contiguous() if plain else v).to(dtype, copy=plain).detach() for n, v in self.leaves.items()}
        if not plain:
            leaves = {n: _as_laid(leaves[n], self.leaves[n]) for n in leaves}
        for name in self.wanted:
            leaves[name].requires_grad_()
        before = {n: v.detach().clone() for n, v in leaves.items()}
        results = self._results(leaves, engine, dtype, roundings)
        found = {n: v.detach() for n, v in results.items()}
        total = self._loss(results)
        given: Sequence[Tensor | None] = [None] * len(self.wanted)
        if total.requires_grad:
            given = torch.autograd.grad(total, [leaves[n] for n in self.wanted], allow_unused=True)
        for name, gradient in zip(self.wanted, given, strict=True):
            found[f"d {name}"] = torch.zeros_like(before[name]) if gradient is None else gradient
        for name, value in leaves.items():
            found[f"unchanged {name}"] = value.detach()
            assert torch.equal(value.detach(), before[name]), f"{name} was written to"
        return found

    def _results(
        self, leaves: dict[str, Tensor], engine: str, dtype: torch.dtype, roundings: AbstractContextManager[None] | None
    ) -> Answer:
        case = self.case
        weights = CellWeights.of({n: leaves[n] for n in self.weights}, case.heads)
        x = leaves["input"] if self.tokens is None else Embedded(self.tokens, leaves["input"])
        state = tuple(leaves[n] for n in self.states) or None
        mask = None if self.mask is None else self.mask.to(dtype)
        given = {"lengths": self.lengths, "reverse": case.reverse, "recurrent_mask": mask}
        if engine == "reference":
            with roundings or unchanged():
                y, last = unroll(self.cell, weights, x, state, engine=engine, **given)
        elif case.path == "operator" and case.kind != "bfloat16":
            y, last = self._by_operator(weights, leaves, state, mask)
        else:
            hooks = (
                torch.autograd.graph.saved_tensors_hooks(moved, lambda v: v) if case.path == "moved" else unchanged()
            )
            with torch.autocast("cpu", torch.bfloat16, enabled=case.kind == "bfloat16"), hooks:
                y, last = unroll(self.cell, weights, x, state, engine=engine, **given)
                with torch.no_grad():
                    again, last_again = unroll(self.cell, weights, x, state, engine=engine, **given)
            for one, other in zip((y, *last), (again, *last_again), strict=True):
                close(one.detach(), other, 1e-6, "without gradients")
            if case.path == "stream" and case.kind != "bfloat16":
                self._stepped(weights, x, state, mask, y)
        return {"y": y} | {f"last {n}": s for n, s in zip(self.cell.states, last, strict=True)}

    def _by_operator(
        self, weights: CellWeights, leaves: dict[str, Tensor], state: tuple[Tensor, ...] | None, mask: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        from recurra.engines.native.calls import Inputs

        case = self.case
        made = compiled(self.cell, bias=case.bias, mask=mask is not None)
        zeros = leaves["weight_ih"].new_zeros(case.batch, case.hidden)
        state = state or (zeros,) * len(self.cell.states)
        first = leaves["input"]
        inputs = Inputs(
            first if self.tokens is None else self.tokens,
            None if self.tokens is None else first,
            None if self.lengths is None else self.lengths.to(torch.int64),
            state if mask is None else (*state, mask),
            weights.listed(),
            case.reverse,
            False,
        )
        y, last = by_operator(made.key, inputs)
        return y, last[: len(self.cell.states)]

    def _stepped(
        self,
        weights: CellWeights,
        x: Tensor | Embedded,
        state: tuple[Tensor, ...] | None,
        mask: Tensor | None,
        y: Tensor,
    ) -> None:
        case = self.case
        if case.reverse or mask is not None or self.lengths is not None:
            return
        vectors = x if isinstance(x, Tensor) else x.dense()
        if state is None:
            state = (weights.weight_ih.new_zeros(case.batch, case.hidden),) * len(self.cell.states)
        steps = stream(self.cell, weights, state, engine="native")
        for t in range(case.time):
            close(steps.step(vectors[:, t].detach()), y[:, t].detach(), tolerance(case), f"step {t} of a stream")

    def _loss(self, results: Answer) -> Tensor:
        match self.case.loss:
            case "sum":  # gradients of stride 0
                return sum((v.double().sum() for v in results.values()), torch.zeros(()))
            case "y":
                return (place_weights(results["y"]) * results["y"]).sum()
            case "last":
                states = [v for n, v in results.items() if n != "y"]
                return sum(((place_weights(v) * v).sum() for v in states), torch.zeros(()))
            case "first step":
                return (place_weights(results["y"][:, 0]) * results["y"][:, 0]).sum()
            case _:
                return sum(((place_weights(v) * v).sum() for v in results.values()), torch.zeros(()))


def _as_laid(values: Tensor, like: Tensor) -> Tensor:
    """The values with the strides that they were drawn with, which a change of type may lose."""
    if values.stride() == like.stride() or values.numel() == 0:
        return values
    length = 1 + sum((n - 1) * s for n, s in zip(like.shape, like.stride(), strict=True))
    room = values.new_full((length,), float("nan"))
    placed = room.as_strided(like.shape, like.stride())
    if 0 in like.stride():
        placed.narrow(0, 0, 1).copy_(values.narrow(0, 0, 1))
    else:
        placed.copy_(values)
    return placed


def moved(tensor: Tensor) -> Tensor:
    """The same at another address, which is no multiple of what tensors' addresses are."""
    room = torch.empty(tensor.numel() * tensor.element_size() + 64, dtype=torch.uint8)
    first = 4 * (tensor.numel() % 3) if tensor.dtype == torch.uint8 else 8
    place = room[first : first + tensor.numel() * tensor.element_size()].view(tensor.dtype).view(tensor.shape)
    return place.copy_(tensor)


@contextmanager
def unchanged() -> Iterator[None]:
    yield


TOLERANCE = {"float64": 1e-10, "float32": 2e-5, "bfloat16": 2e-2}
"""Shares of a part's largest number. The reference computes in float64; float32 loses at most some 1e-6 of it, and a
bfloat16 that is rounded to its other neighbour 4e-3 of one operand."""


def close(found: Tensor, expected: Tensor, share: float, name: str) -> None:
    """Errors: AssertionError"""
    assert found.shape == expected.shape, f"{name}: {list(found.shape)}, not {list(expected.shape)}"
    found, expected = found.double(), expected.double()
    assert bool(found.isfinite().all()), f"{name}: not all numbers are finite"
    if not expected.numel():
        return
    off, most = float((found - expected).abs().max()), float(expected.abs().max())
    assert off <= share * max(most, 1e-3), f"{name}: off by {off:.3g}, the largest is {most:.3g}"
