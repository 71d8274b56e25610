"""How much of a linear model is added to a network's outputs: what suits the validation part best."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from recurra.tasks.calibration import normal, pieces

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
FEWEST = 20
"""Examples from which the two shares are fitted."""
STEPS = 50
WORTH, BELIEF = 4e-3, 2.0
"""Nats per example by which the loss must fall, and nats that it need not: n-grams are believed to help beforehand."""
USUAL, SPREAD = (0.4, 0.65), 0.2
"""What shares are beforehand, the network's as part of what calibrates it alone: about what data with hundreds or
thousands of validation examples ask for. A few examples hardly move them, many forget them."""


@dataclass(frozen=True)
class Mix:
    """Logits are own * z + share * s, of the network and of the linear model; alone * z where that has no say."""

    own: float
    share: float
    alone: float = 1.0

    def of(self, logits: Floats, linear: Floats, faded: Floats | float = 1.0) -> Floats:
        """Log-probabilities. faded: how much of the linear model each example gets, from 0 to 1

        Shapes: [N, C], [N, C], [N, 1] -> [N, C]
        """
        own = faded * self.own + (1 - faded) * self.alone
        return normal(own * logits + faded * self.share * linear)


def fitted_mix(
    logits: Floats,
    linear: Floats,
    labels: Labels,
    *,
    always: bool = False,
    trusted: bool = False,
    usual: tuple[float, float] = USUAL,
) -> Mix | None:
    """The shares of the lowest loss; None where adding the linear model does not lower it on examples not fitted on.

    Fitted on one half and tried on the other, both ways round; then on all. One pseudo-example of each class is in
    every fit. always: add it even so, and of few examples in equal shares; trusted: it has shown what it can on other
    examples, and none of these are asked, of which the network's weights were chosen; usual: shares beforehand.
    Maths:  argmin_{a >= 0, g >= 0} -sum_n log softmax(a z_n + g s_n)[y_n]
            + ((a / a0 - usual_0)^2 + (g - usual_1)^2) / (2 SPREAD^2), convex; a0 the best a without s
    Shapes: logits and linear [N, C], labels [N]
    Source: products of experts, as Genest & Zidek 1986, logarithmic opinion pools; shares as regression with a normal
            prior, Hoerl & Kennard 1970
    """
    if len(labels) < FEWEST and not trusted:
        return Mix(1.0, 1.0) if always else None
    found = best_mix(logits, linear, labels, usual)
    if always:
        return found if found.share > 0 else Mix(found.own, max(found.own, 0.1))
    if trusted:
        return found if found.share > 0 else None
    even, odd = (np.arange(len(labels)) % 2 == side for side in (0, 1))
    alone = mixed = 0.0
    for half, other in ((even, odd), (odd, even)):
        mixed += lost(
            best_mix(logits[half], linear[half], labels[half], usual).of(logits[other], linear[other]), labels[other]
        )
        only = best_mix(logits[half], np.zeros_like(linear[half]), labels[half])
        alone += lost(only.of(logits[other], linear[other]), labels[other])
    return found if found.share > 0 and mixed < alone + BELIEF - WORTH * len(labels) else None


def lost(logs: Floats, labels: Labels) -> float:
    """The sum of the losses. Units: nats"""
    return float(-logs[np.arange(len(labels)), labels].sum())


def best_mix(
    logits: Floats,
    linear: Floats,
    labels: Labels,
    usual: tuple[float, float] = USUAL,
    faded: Floats | float = 1.0,
) -> Mix:
    """The shares of `fitted_mix`, by Newton's method; those below 0 are set to 0. Without a linear model the network's
    is the one of the lowest loss. faded: see Mix. Shapes: as `fitted_mix`"""
    if not linear.any():
        return _fitted(logits, linear, labels, np.zeros(2), np.zeros(2))
    alone = best_mix(logits, np.zeros_like(linear), labels).own
    widths = np.array([max(alone, 1e-3), 1.0])
    rest = (1 - faded) * alone * logits
    found = _fitted(faded * logits, faded * linear, labels, widths * usual, 1 / (SPREAD * widths) ** 2, rest)
    return replace(found, alone=alone)


def free_mix(logits: Floats, linear: Floats, labels: Labels) -> Mix:
    """The shares of the lowest loss, of which nothing is believed beforehand. Shapes: as `fitted_mix`"""
    return _fitted(logits, linear, labels, np.zeros(2), np.zeros(2))


def _fitted(
    logits: Floats, linear: Floats, labels: Labels, usual: Floats, weight: Floats, rest: Floats | float = 0.0
) -> Mix:
    """usual: what the shares are beforehand; weight: how sure that is, one over its variance; rest: of the logits, what
    no share changes. Shapes: [2] each, rest as the logits"""
    count, classes = logits.shape
    shares = np.array([0.5, 0.5 if linear.any() else 0.0])
    each, own = 1 / (count + classes), count / (count + classes)  # of every class, and of the true one besides

    def measured(at: Floats) -> tuple[float, Floats, Floats]:
        """The loss, its slope and its bend."""
        cost = float((weight * (at - usual) ** 2).sum() / 2)
        slope, bend = weight * (at - usual), np.diag(weight)
        for rows in pieces(logits.shape):
            parts = np.stack([logits[rows], linear[rows]])  # [2, n, C]
            here = np.arange(parts.shape[1]), labels[rows]
            logs = normal(np.tensordot(at, parts, 1) + (rest if isinstance(rest, float) else rest[rows]))
            cost -= each * float(logs.sum()) + own * float(logs[here].sum())
            chances = np.exp(logs)
            means = (chances * parts).sum(2, keepdims=True)
            slope = slope + means.sum((1, 2)) - each * parts.sum((1, 2)) - own * parts[:, here[0], here[1]].sum(1)
            centred = parts - means
            bend = bend + (chances * centred).reshape(2, -1) @ centred.reshape(2, -1).T
        return cost, slope, bend

    now, slope, bend = measured(shares)
    for _ in range(STEPS):
        free = (shares > 0) | (slope < 0)
        step = np.zeros(2)
        inside = bend[np.ix_(free, free)] + 1e-9 * (1 + np.trace(bend)) * np.eye(int(free.sum()))
        step[free] = np.linalg.solve(inside, slope[free])
        size = 1.0
        while size > 1e-6 and (after := measured(np.maximum(shares - size * step, 0.0)))[0] > now:
            size /= 2
        if size <= 1e-6 or now - after[0] < 1e-9 * (1 + abs(now)):
            break
        shares, (now, slope, bend) = np.maximum(shares - size * step, 0.0), after
    return Mix(float(shares[0]), float(shares[1]))
