"""Results are compared before their times are."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from recurra.bench.cases import Precision

ALLOWED: dict[Precision, float] = {"float32": 1e-4, "bfloat16": 5e-2, "int8": 0.15}
"""Two ways of rounding may differ by so much of the largest value. In bfloat16 both sides are rough: 8 bits, and
gradients that were carried over many steps. In 8 bits each rounds weights and activations in its own way."""


def error(found: Tensor, expected: Tensor) -> float:
    """max |error| / max |value|; infinity for results that are no numbers or have another shape."""
    if found.shape != expected.shape:
        return math.inf
    if not expected.numel():
        return 0.0
    found, expected = found.detach().double(), expected.detach().double()
    largest, difference = float(expected.abs().max()), float((found - expected).abs().max())
    if not (math.isfinite(largest) and math.isfinite(difference)):
        return math.inf
    return difference / largest if largest else (math.inf if difference else 0.0)


def worst(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> tuple[str, float]:
    """Name and error of the result that differs most, of those that both have; the outputs `y` must be there."""
    errors = {name: error(found[name], expected[name]) for name in expected if name in found}
    if "y" not in errors:
        return "y", math.inf
    return max(errors.items(), key=lambda item: item[1])


def disagreement(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], precision: Precision) -> str | None:
    """None if both are the same but for rounding; otherwise where they are not, and by how much."""
    name, by = worst(found, expected)
    if by <= ALLOWED[precision]:
        return None
    return f"the results differ: {name} by {by:.1g} of its largest value, {ALLOWED[precision]:.0e} is allowed"
