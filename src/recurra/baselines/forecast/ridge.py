"""Ridge regression from a window to all steps of a horizon at once, in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ALPHAS = tuple(float(10**exponent) for exponent in np.arange(-6.0, 2.01, 0.5))
"""Penalties that are tried, per example."""


@dataclass(frozen=True)
class Ridge:
    """weight [X, H], bias [H]; alpha: the penalty it was fitted with"""

    weight: Floats
    bias: Floats
    alpha: float

    def predict(self, inputs: Floats) -> Floats:
        """Shapes: inputs [N, X] -> [N, H]"""
        return np.asarray(inputs @ self.weight + self.bias)


def fit_path(inputs: Floats, targets: Floats, alphas: tuple[float, ...] = ALPHAS) -> Iterator[Ridge]:
    """A regression for each penalty, from one decomposition.

    Maths: (X'X / N + alpha I) W = X'Y / N, both centred; the bias is free
    Shapes: inputs [N, X], targets [N, H], NaN in neither
    Source: Hoerl & Kennard 1970
    """
    mean_in, mean_out = inputs.mean(0), targets.mean(0)
    centred = inputs - mean_in
    values, vectors = np.linalg.eigh(centred.T @ centred / len(inputs))
    projected = vectors.T @ (centred.T @ (targets - mean_out) / len(inputs))
    for alpha in alphas:
        weight = vectors @ (projected / (np.maximum(values, 0.0) + alpha)[:, None])
        yield Ridge(weight, mean_out - mean_in @ weight, alpha)
