"""What of an input an answer is due to: integrated gradients, with the linear skip apart.

Source: Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from recurra.errors import RecurraError, UsageError
from recurra.inspection.trace import Frames, as_frame
from recurra.layers.stack import Stack
from recurra.tasks.differentiable import Beside, Differentiable

Array = npt.NDArray[np.float64]
TOLERANCE = 0.01
"""Of the difference of scores, that attributions may miss."""
SMALL = 0.01
"""A difference below this share of all attributions is measured against them: they cancel."""
FIRST, MOST = 16, 2048
"""Points between baseline and input at first, and at most."""
POWER = 4
ROWS, STEPS, WIDTH = 64, 1 << 15, 256
"""Points that are run at once, and the steps of them all, which backpropagation keeps; a wider one, such as a picture,
counts as several."""


@dataclass(frozen=True)
class Attribution:
    """What each step of an input adds to some scores.

    steps, channels: of the input; targets: what is scored; parts: by name, [N, T] each, the recurrent network first;
    values: of the first part's numbers where they have names, [N, T, C]; beside: the linear skip of a text, see
    tasks.differentiable; baseline, score: in words; outputs, base_outputs: the scores of input and baseline [N];
    points: gradients that were taken; error: the most that sums miss of a difference, as a share of it
    """

    steps: tuple[str, ...]
    channels: tuple[str, ...]
    targets: tuple[str, ...]
    parts: dict[str, Array]
    values: Array
    beside: Beside | None
    baseline: str
    score: str
    outputs: Array
    base_outputs: Array
    points: int
    error: float
    at: tuple[int, ...] = ()

    @property
    def total(self) -> Array:
        """All parts together [N, T]."""
        return np.asarray(np.sum(list(self.parts.values()), axis=0))

    def frame(self, kind: Frames = "polars") -> Any:
        """A tidy table: target, step, token, part, value. Errors: as `Trace.frame`"""
        rows = [
            (target, step, token, part, float(values[number, step]))
            for part, values in self.parts.items()
            for number, target in enumerate(self.targets)
            for step, token in enumerate(self.steps)
        ]
        names = ("target", "step", "token", "part", "value")
        return as_frame({name: [row[place] for row in rows] for place, name in enumerate(names)}, kind)

    def plot(self) -> str:
        """The steps coloured by what they add, as SVG text."""
        from recurra.inspection.attribution_pictures import draw_attribution

        return draw_attribution(self)

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        from recurra.report.svg import standalone

        return standalone(self.plot())

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "steps": list(self.steps),
            "baseline": self.baseline,
            "score": self.score,
            "targets": [
                {
                    "target": target,
                    "output": float(self.outputs[number]),
                    "baseline_output": float(self.base_outputs[number]),
                    "parts": {part: values[number].tolist() for part, values in self.parts.items()},
                }
                for number, target in enumerate(self.targets)
            ],
            "terms": [] if self.beside is None else [{"term": t, "value": v} for t, v in self.beside.terms],
            "points": self.points,
            "error": self.error,
        }


def attribute(network: nn.Module, given: Differentiable, *, engine: str | None = None) -> Attribution:
    """Integrate the gradients of the scores on the straight way from the baseline to the input.

    Gauss-Legendre points, FIRST on each of some stretches, whose number is doubled until the sums meet the differences
    of the scores within TOLERANCE.
    engine: computes the layers, their own if None
    Errors: RecurraError if MOST points do not do; EngineError for an engine that cannot; UnknownNameError
    """
    network.eval()
    with _engine(network, engine):
        ends = _ends(given)
        differences = ends[1] - ends[0]
        count = FIRST
        while True:
            gradients = _gradients(given, count)
            move = (given.point - given.base).detach().double().cpu().numpy()
            values = gradients * move
            sums = values.sum((-2, -1))
            error = _missed(sums.sum(1), differences.sum(1), np.abs(values.sum((1, 3))).sum(1))
            if error <= TOLERANCE:
                break
            if count >= MOST:
                raise RecurraError(
                    f"attributions miss {error:.1%} of the difference of the scores with {count:,} points, more than "
                    f"{TOLERANCE:.0%}: the scores jump between baseline and input; choose another baseline"
                )
            count *= 2
    parts = {name: values[:, place].sum(-1) for place, name in enumerate(given.parts)}
    outputs, base = ends[1].sum(1), ends[0].sum(1)
    if given.beside is not None:
        beside = given.beside
        parts[beside.name] = beside.values
        outputs, base = outputs + beside.values.sum(1) + beside.rest + beside.constant, base + beside.constant
    return Attribution(
        tuple(given.steps),
        tuple(given.channels),
        tuple(given.targets),
        parts,
        values.sum(1),
        given.beside,
        given.baseline,
        given.score,
        outputs,
        base,
        count,
        error,
        tuple(given.at),
    )


def _missed(sums: Array, differences: Array, sizes: Array) -> float:
    """The largest share of a difference that its sum misses."""
    whole = np.maximum(np.maximum(np.abs(differences), SMALL * sizes), 1e-12)
    return float(np.max(np.abs(sums - differences) / whole))


@torch.no_grad()
def _ends(given: Differentiable) -> tuple[Array, Array]:
    """The scores of baseline and input. Shapes: each [N, P]"""
    found = given.scores(torch.stack([given.base, given.point])).double().cpu().numpy()
    if not np.isfinite(found).all():
        raise UsageError("the scores of this input are no finite numbers")
    return found[0], found[1]


def _gradients(given: Differentiable, count: int) -> Array:
    """The mean gradient of each score between baseline and input. Shapes: -> [N, P, T, E]"""
    positions, shares = _points(count, steep=given.steep)
    time, width = given.point.shape
    rows = max(1, min(ROWS, STEPS // (time * max(1, width // WIDTH))))
    total: Array | None = None
    for start in range(0, count, rows):
        some = slice(start, start + rows)
        share = torch.as_tensor(positions[some], dtype=given.point.dtype, device=given.point.device)[:, None, None]
        points = (given.base + share * (given.point - given.base)).detach().requires_grad_()
        with torch.enable_grad():
            scores = given.scores(points)
            wanted = [(n, p) for n in range(scores.shape[1]) for p in range(scores.shape[2])]
            found = np.zeros((scores.shape[1], scores.shape[2], *given.point.shape))
            for n, p in wanted:
                (gradient,) = torch.autograd.grad(
                    scores[:, n, p].sum(), points, retain_graph=(n, p) != wanted[-1], allow_unused=True
                )
                if gradient is not None:
                    found[n, p] = np.tensordot(shares[some], gradient.double().cpu().numpy(), 1)
        total = found if total is None else total + found
    assert total is not None
    return total


def _points(count: int, *, steep: bool = False) -> tuple[Array, Array]:
    """Places between 0 and 1 and their shares: Gauss-Legendre on stretches of equal length, FIRST points on each.

    steep: along the same straight way, with the place t = s^POWER and its share, POWER s^(POWER - 1) ds
    """
    nodes, weights = np.polynomial.legendre.leggauss(FIRST)
    stretches = max(1, count // FIRST)
    starts = np.arange(stretches)[:, None]
    positions = (starts + (nodes + 1) / 2) / stretches
    points, shares = positions.reshape(-1), np.tile(weights / 2 / stretches, stretches)
    return (points**POWER, shares * POWER * points ** (POWER - 1)) if steep else (points, shares)


@contextmanager
def _engine(network: nn.Module, engine: str | None) -> Iterator[None]:
    """All recurrent layers on one engine, for as long as the block runs."""
    stacks = [module for module in network.modules() if isinstance(module, Stack)]
    before = [stack.engine for stack in stacks]
    try:
        for stack in stacks:
            stack.engine = stack.engine if engine is None else engine
        yield
    finally:
        for stack, own in zip(stacks, before, strict=True):
            stack.engine = own


def strongest(values: Sequence[float], count: int) -> list[int]:
    """The places of the largest sizes, the largest first."""
    return [int(place) for place in np.argsort(-np.abs(np.asarray(values)), kind="stable")[:count]]
