"""How much less than in the training part a class's frequency may count: two models that are added both learned it."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from recurra.tasks.calibration import normal, pieces
from recurra.tasks.mixing import Floats, Labels

REJECTED = 1.92
"""Nats by which a loss is above the lowest where a likelihood-ratio test says, at 5 %, that it is not the lowest."""
CLOSE = 1e-3
"""How near the share is found."""
SKEWED = 20
"""Times as frequent as the rarest class the commonest one is where frequencies are looked at at all."""


def is_skewed(frequencies: Tensor) -> bool:
    """Whether some class has few of the texts that others have. Shapes: [C], logs"""
    return float(frequencies.max() - frequencies.min()) >= math.log(SKEWED)


def spare_share(logits: Floats, labels: Labels, frequencies: Floats) -> float:
    """The largest share of the log frequencies that can be taken off the logits before the losses speak against it.

    Each of two models says how frequent a class is, so their sum says it about twice. Of rare classes there are few
    texts to tell by how much that is too much: within what these texts do not tell apart, rare classes get the most.
    Maths:  max {t in [0, 1]: L(t) <= min L + REJECTED}, L(t) = -sum_n log softmax(z_n - t f)[y_n], convex in t
    Shapes: logits [N, C], labels [N], frequencies [C], logs
    Source: Menon et al. 2021, Long-tail learning via logit adjustment; Wilks 1938, The large-sample distribution of the
            likelihood ratio
    """
    if not len(labels):
        return 0.0

    def loss(share: float) -> tuple[float, float]:
        """The loss and its slope."""
        lost = slope = 0.0
        for rows in pieces(logits.shape):
            logs, true = normal(logits[rows] - share * frequencies), labels[rows]
            lost -= float(logs[np.arange(len(true)), true].sum())
            slope += float(frequencies[true].sum() - (np.exp(logs) @ frequencies).sum())
        return lost, slope

    def last(low: float, high: float, still: float | None) -> float:
        """Up to where the loss falls, or is no higher than `still`."""
        while high - low > CLOSE:
            middle = (low + high) / 2
            lost, slope = loss(middle)
            low, high = (middle, high) if (slope < 0 if still is None else lost <= still) else (low, middle)
        return low

    lowest = last(0.0, 1.0, None)
    return last(lowest, 1.0, loss(lowest)[0] + REJECTED)
