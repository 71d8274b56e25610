"""How far back the gradient reaches: what arrives at the state so many steps before."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from recurra.engines.request import gate_tensors, has_bias
from recurra.equations.interpret import run_back, run_program
from recurra.layers.stepping import Course

MOST_STEPS = 400
"""Steps that a gradient is followed back."""
MEMORY = 0.01
"""Of what arrives one step back, so much must arrive further back to count as remembered."""


@dataclass(frozen=True)
class Flow:
    """Of one layer and direction.

    norms: of the gradient of a row's last output in all states together, 0, 1, 2 ... steps before, as shares of the
    first, the geometric mean over rows; steps: that could be followed
    """

    norms: tuple[float, ...]

    @property
    def steps(self) -> int:
        return len(self.norms) - 1

    @property
    def memory(self) -> int:
        """The effective memory length: the most steps back that at least MEMORY of what arrives one step back reaches.

        The output's own step aside, for a gated memory takes little of it and may keep that for ever.
        """
        least = MEMORY * self.norms[1] if self.steps else 0.0
        return max((lag for lag, norm in enumerate(self.norms) if not norm < least), default=0)

    @property
    def rate(self) -> float:
        """By what the gradient changes in a step back: below 1 it vanishes, above 1 it explodes; NaN for one step."""
        last = min(self.steps, self.memory + 1)
        if last < 2:
            return math.nan
        if not math.isfinite(self.norms[last]):
            return math.inf
        lost = math.log(max(self.norms[last], 1e-300)) - math.log(max(self.norms[1], 1e-300))
        return math.exp(lost / (last - 1))

    @property
    def largest(self) -> float:
        """The largest share of any step."""
        return max((norm if math.isfinite(norm) else math.inf for norm in self.norms), default=1.0)


@torch.no_grad()
def flow_of(course: Course, gradient: Tensor | None, of_last: Tensor | None = None, rows: int = 2) -> Flow:
    """Follow the gradient of the last step back through one layer and direction, in double precision.

    gradient, of_last: of the loss in the layer's outputs and in its last output state, as far as there is one; without
    either it begins in a direction of its own; rows: the longest ones
    Maths:  d_t = (d s_t+1 / d s_t)' d_t+1 over all states s; d_T in the output alone
    Shapes: gradient [B, T, H], of_last [B, H]
    """
    program_bias = has_bias(course.cell, course.weights.dense().present())
    program, derivative = course.cell.program(bias=program_bias), course.cell.derivative(bias=program_bias)
    stored = {name: w.detach().double() for name, w in course.weights.dense().present().items()}
    gates = gate_tensors(course.cell, stored, bias=program_bias)
    weights = {q: gates[q.kind, q.gate] for q in program.parameters}
    logs: list[list[float]] = []
    for row in course.lengths.argsort(descending=True, stable=True)[:rows].tolist():
        length = int(course.lengths[row])
        steps = range(max(0, length - MOST_STEPS), length)
        order = [length - 1 - t for t in steps] if course.direction else list(steps)
        before = tuple(s[row, order].double() for s in course.before)
        values = run_program(program, course.x[row, order].double(), before, weights)
        d = [torch.zeros_like(s[:1]) for s in before]
        given = torch.zeros_like(d[0])
        for part in (
            None if gradient is None else gradient[row, order[-1:]],
            None if of_last is None else of_last[row],
        ):
            if part is not None and part.shape[-1] == given.shape[-1]:
                given = given + part.double()
        d[0] = _start(given)
        norms = [float(d[0].norm())]
        for t in range(len(order) - 1, 0, -1):
            here = [v[t : t + 1] if v.dim() == 2 and len(v) == len(order) else v for v in values]
            back = run_back(derivative, here, d, weights)
            d = [torch.zeros_like(old) if new is None else new for new, old in zip(back, d, strict=True)]
            norms.append(math.sqrt(sum(float(each.square().sum()) for each in d)))
        logs.append([math.log(max(norm, 1e-300)) if not math.isnan(norm) else math.inf for norm in norms])
    deepest = max(map(len, logs))
    found = []
    for lag in range(deepest):
        there = [own[lag] - own[0] for own in logs if len(own) > lag]
        mean = sum(there) / len(there)
        found.append(math.exp(mean) if mean < 700 else math.inf)
    return Flow(tuple(found))


def _start(gradient: Tensor) -> Tensor:
    """Of length 1; of a gradient that is zero or no number, another direction. Shapes: [1, H]"""
    size = gradient.norm()
    if bool(torch.isfinite(size)) and float(size) > 0:
        return torch.div(gradient, size)
    drawn = torch.randn(gradient.shape, dtype=gradient.dtype, generator=torch.Generator().manual_seed(0))
    return torch.div(drawn, drawn.norm()).to(gradient.device)
