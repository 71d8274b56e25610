"""Whether a classifier is right as often as it says, and the temperature that makes it so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

if TYPE_CHECKING:
    from recurra.report.sections import Curves, Line

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
FEWEST = 20
"""Examples from which a temperature is fitted."""
BINS = 10
COLDEST, HOTTEST = 0.1, 10.0
SURE = 1.96
"""Standard deviations on either side of the middle that hold 95 % of a normal distribution."""


def calibrate(scaled: Sequence[Tensor], logs: Floats, labels: Labels) -> tuple[dict[str, float], list[str]]:
    """Divide the logits by the temperature that suits the validation part best; see tasks.abilities.Concluding.

    scaled: what multiplies them, such as weight and bias of an output layer
    Shapes: logs [N, C] in nats of the validation part, labels [N]
    """
    temperature = fitted_temperature(logs, labels)
    if temperature == 1:
        return {}, []
    with torch.no_grad():
        for tensor in scaled:
            tensor.div_(temperature)
    before, after = (nats(logs, labels, t).mean() for t in (1.0, temperature))
    return {"temperature": temperature}, [
        f"probabilities are calibrated on the validation part: temperature {temperature:.3g}, with which its "
        f"loss is {after:.4f} instead of {before:.4f}; answers stay the same"
    ]


def uncalibrated(weights: dict[str, Tensor], concluded: Mapping[str, float]) -> dict[str, Tensor]:
    """Weights with those of the layer `head` as they were before."""
    heads = [name for name in weights if name.startswith("head.")]
    return weights | {name: weights[name] * concluded.get("temperature", 1.0) for name in heads}


def fitted_temperature(logs: Floats, labels: Labels) -> float:
    """What logits are divided by so that the loss is lowest; 1 where that does not lower it on examples not fitted on.

    Fitted on one half and tried on the other, both ways round; then on all. One pseudo-example of each class is in
    every fit, so that a few examples that are all right do not make it sure of everything.
    Maths:  argmin_T -1/N sum_n log softmax(z_n / T)[y_n], convex in 1/T
    Shapes: logs [N, C] in nats, labels [N]
    Source: Guo et al. 2017, On calibration of modern neural networks; pseudo-examples after Platt 1999
    """
    if len(labels) < FEWEST:
        return 1.0
    even, odd = (np.arange(len(labels)) % 2 == side for side in (0, 1))
    before = nats(logs, labels, 1.0).sum()
    after = sum(
        nats(logs[other], labels[other], _best(logs[half], labels[half])).sum()
        for half, other in ((even, odd), (odd, even))
    )
    found = _best(logs, labels)
    better = after < before and nats(logs, labels, found).sum() < before
    return found if better else 1.0


def calibrated_loss(logs: Floats, labels: Labels) -> float:
    """The mean loss at the best temperature: of two models that are as often right, the one that knows better when.

    Unlike accuracy it tells small steps apart, and unlike the loss it does not mind how sure of everything a model is.
    """
    return float(nats(logs, labels, _best(logs, labels)).mean())


def nats(logs: Floats, labels: Labels, temperature: float) -> Floats:
    """The loss of each example [N] with logits divided by a temperature."""
    cooled = _normal(logs / temperature)
    return np.asarray(-cooled[np.arange(len(labels)), labels], dtype=np.float64)


def _normal(logits: Floats) -> Floats:
    """Log-probabilities."""
    shifted = logits - logits.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)), dtype=np.float64)


def _best(logs: Floats, labels: Labels) -> float:
    """The temperature of the lowest loss, by halving: its slope in 1/T rises and has one zero."""
    count, classes = logs.shape
    targets = np.full(logs.shape, 1 / (count + classes))
    targets[np.arange(count), labels] += count / (count + classes)

    def slope(inverse: float) -> float:
        return float(((np.exp(_normal(inverse * logs)) - targets) * logs).sum())

    low, high = 1 / HOTTEST, 1 / COLDEST
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return float(1 / (low * high) ** 0.5)


def calibration_error(logs: Floats, labels: Labels) -> float:
    """The mean distance (a fraction) of how sure it is from how often it is right, over bins of as many examples."""
    said, right = _sure(logs, labels)
    bins = _bins(said)
    return float(sum(abs(said[rows].mean() - right[rows].mean()) * len(rows) for rows in bins) / len(said))


def reliability(
    logs: Floats, labels: Labels, temperature: float, part: str, what: str = "Examples", *, mixed: bool = False
) -> Curves:
    """How often it is right beside how sure it is, over bins of as many examples.

    logs: as the model gives them, with the temperature in them; what: they are of; mixed: whether a
    linear model was added to them, in shares fitted on the validation part
    """
    from recurra.report.sections import Curves, Line

    lines = [Line("right as often as it says", [0.0, 1.0], [0.0, 1.0], dashed=True), _line("this model", logs, labels)]
    error = 100 * calibration_error(logs, labels)
    note = (
        f"{what} of the {part} part in {len(lines[1].x)} groups by how sure it is of its answer; the band holds the "
        f"true share in 95 % of such groups. Mean distance from the line: {error:.1f} points"
    )
    if mixed:
        note += ". The network's logits and the linear skip's are added in shares fitted on the validation part"
    elif temperature != 1:
        plain = _normal(logs * temperature)
        low_high = _line("before calibration", plain, labels)
        lines.append(Line(low_high.name, low_high.x, low_high.y))
        note += (
            f", before calibration {100 * calibration_error(plain, labels):.1f}. Logits are divided by a temperature "
            f"of {temperature:.3g}, fitted on the validation part; answers stay the same"
        )
    else:
        note += ". Logits are as they were trained: no temperature lowers the validation loss for good"
    return Curves(
        "Is it right as often as it says?",
        lines,
        "probability of the answer",
        "share that is right",
        f"{note}.",
        square=True,
    )


def _line(name: str, logs: Floats, labels: Labels) -> Line:
    from recurra.report.sections import Line

    said, right = _sure(logs, labels)
    groups = [(said[rows].mean(), *_share(int(right[rows].sum()), len(rows))) for rows in _bins(said)]
    x, y, low, high = (list(map(float, values)) for values in zip(*groups, strict=True))
    return Line(name, x, y, low, high)


def _sure(logs: Floats, labels: Labels) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The probability of each answer, and whether it is right [N]."""
    return np.exp(logs.max(1)), logs.argmax(1) == labels


def _bins(said: Floats) -> list[Labels]:
    """Rows by rising probability, in groups of as many."""
    return np.array_split(np.argsort(said, kind="stable"), min(BINS, max(1, len(said) // 10)))


def _share(right: int, count: int) -> tuple[float, float, float]:
    """A share, and the lowest and highest true one that it goes with. Source: Wilson 1927"""
    share = right / count
    middle = (share + SURE**2 / (2 * count)) / (1 + SURE**2 / count)
    reach = SURE * (share * (1 - share) / count + SURE**2 / (4 * count**2)) ** 0.5 / (1 + SURE**2 / count)
    return share, middle - reach, middle + reach
