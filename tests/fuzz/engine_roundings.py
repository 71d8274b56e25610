"""What roundings do to an answer: those of the operands of products to bfloat16, and how far any may lead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from recurra.equations import interpret
from tests.fuzz.engine_cases import Answer, Drawn

UNITS = {"float64": (2.0**-53,), "float32": (2.0**-24,), "bfloat16": (2.0**-8, 2.0**-24)}
"""The largest relative error of a rounding. With products of bfloat16 all else is in float32, and where units are alike
a small disturbance may lead further than a large one: `normalize` divides by their deviation, or by sqrt(epsilon)."""

SAMPLES = 8

SPREADS = 4.0
"""How many times the samples' root mean square a difference may be: three standard deviations of a rounding, which has
at most 1 / sqrt(3) of a sample's, since its error lies between the ends that a sample takes; and the mean square of 8
samples is below 0.45^2 of the true one once in a hundred times."""

Rounding = Callable[[Tensor, str], Tensor]
"""Of an operand, named "operand:n", "weight:n" or "gradient:n" of product n."""


def nearest(values: Tensor, _: str = "") -> Tensor:
    return values.float().bfloat16().to(values.dtype)


class Disturbed:
    """Every operand off by one rounding, up or down as drawn.

    unit: how far; together: the same for all rows and steps of a product. Engines choose which sums they round: native
    projects a table of tokens once, so all adjoints of a token are summed and then rounded once, where the reference
    rounds each.
    """

    def __init__(self, seed: int, unit: float, *, together: bool) -> None:
        self.generator, self.unit, self.together = torch.Generator().manual_seed(seed), unit, together
        self.drawn: dict[str, Tensor] = {}

    def __call__(self, values: Tensor, name: str) -> Tensor:
        alike = self.together or name.startswith("weight")
        shape = values.shape if name.startswith("weight") or not alike else values.shape[-1:]
        signs = self.drawn.get(name) if alike else None
        if signs is None or signs.shape != shape:
            signs = torch.randint(0, 2, shape, generator=self.generator, dtype=torch.int64).to(values.dtype) * 2 - 1
            self.drawn[name] = signs
        return values * (1 + self.unit * signs)


@contextmanager
def roundings(how: Rounding) -> Iterator[None]:
    """The reference engine with operands of products rounded this way, forward and backward, summed exactly."""

    class Rounded(torch.autograd.Function):
        @staticmethod
        def forward(ctx, operand: Tensor, weight: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
            ctx.number = numbers.setdefault(weight.data_ptr(), len(numbers))
            operand, weight = how(operand, f"operand:{ctx.number}"), how(weight, f"weight:{ctx.number}")
            ctx.save_for_backward(operand, weight)
            return operand @ weight.T

        @staticmethod
        def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def]
            operand, weight = ctx.saved_tensors
            gradient = how(gradient, f"gradient:{ctx.number}")
            return gradient @ weight, gradient.T @ operand

    numbers: dict[int, int] = {}
    plain = interpret.product
    interpret.product = Rounded.apply  # type: ignore[assignment]
    try:
        yield
    finally:
        interpret.product = plain


def off_by_roundings(drawn: Drawn, exact: Answer) -> dict[str, float]:
    """How far roundings of the products' operands may lead, for each part: the largest over its numbers.

    Monte Carlo arithmetic (Parker 1997): what an answer's last digits are worth is seen from answers whose roundings
    were drawn. Where terms cancel, as what `normalize` sends back does against the very vector that it normalised, a
    rounding is worth many times its share of the largest number.
    """
    case, found = drawn.case, dict.fromkeys(exact, 0.0)
    for unit in UNITS[case.kind]:
        # a sum of K products is off by sqrt(K) roundings of its own type; of bfloat16 they are the operands' alone
        size = unit if unit == max(UNITS["bfloat16"]) else unit * (case.inputs + case.hidden) ** 0.5
        for together in (False, True):
            squares = {name: torch.zeros_like(value, dtype=torch.float64) for name, value in exact.items()}
            for sample in range(SAMPLES):
                how = Disturbed(case.numbers + sample, size, together=together)
                for name, value in drawn.run("reference", torch.float64, roundings(how)).items():
                    squares[name] += (value - exact[name]).double() ** 2
            for name, square in squares.items():
                spread = float((square / SAMPLES).sqrt().max()) if square.numel() else 0.0
                found[name] = max(found[name], SPREADS * spread)
    return found
