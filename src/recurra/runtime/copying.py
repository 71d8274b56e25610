"""What a decoder copies of a draft that was read beside the source, see topologies.copying."""

from __future__ import annotations

import numpy as np

from recurra.runtime.predictions import Floats, log_softmax, softmax
from recurra.runtime.weights import Ints, Weights

LEAST, FULLEST, NOWHERE, HALF = (np.float32(value) for value in (1e-30, 1 - 1e-6, -1e9, 0.5))
NEAR = 10
"""As topologies.copying, which needs torch."""


class Copying:
    """The gate between writing and copying, and where is copied. Shapes: as topologies.copying.Copying, T left out"""

    def __init__(self, weights: Weights, features: int, seen: int) -> None:
        self._gate = weights.linear("copying.gate", features, 1)
        self._query = weights.floats("copying.query.weight", seen, features)
        self._near = weights.floats("copying.near", 2 * NEAR + 1)
        self._scale = np.float32(seen**-0.5)

    def mixed(self, logits: Floats, features: Floats, values: Floats, copied: Ints, positions: Ints) -> Floats:
        """Log-probabilities of all tokens. Shapes: logits [N, V], features [N, F], values [N, S, M], copied [N, S],
        positions [N] -> [N, V]"""
        scores = (values @ (features @ self._query.T)[:, :, None])[:, :, 0] * self._scale
        ahead = np.arange(copied.shape[1]) - positions[:, None]
        scores = scores + self._near[ahead.clip(-NEAR, NEAR) + NEAR]
        weight, bias = self._gate
        gate = HALF + HALF * np.tanh(HALF * (features @ weight.T + bias))
        mass = gate * softmax(np.where(copied >= 0, scores, NOWHERE)) * (copied >= 0)
        there = np.zeros_like(logits)
        np.add.at(there, (np.arange(len(copied))[:, None], copied.clip(min=0)), mass)
        written = log_softmax(logits) + np.log1p(-mass.sum(-1, keepdims=True).clip(max=FULLEST))
        found: Floats = np.logaddexp(written, np.log(there.clip(min=LEAST)))
        return found


def follow(copied: Ints, tokens: Ints, positions: Ints) -> Ints:
    """The next positions after a token each. Shapes: [N, S], [N], [N] -> [N]"""
    ahead = 2 * (np.arange(copied.shape[1]) - positions[:, None])
    distance = np.where(copied == tokens[:, None], np.where(ahead < 0, 1 - ahead, ahead), 2 * NEAR + 2)
    nearest = distance.argmin(1)
    found: Ints = np.where(distance.min(1) < 2 * NEAR + 2, nearest + 1, positions)
    return found
