"""Whether a classifier is right as often as it says, and the temperature that makes it so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

if TYPE_CHECKING:
    from recurra.report.sections import Curves, Line

Floats = npt.NDArray[np.float64]
Logits = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int64]
FEWEST = 20
"""Examples from which a temperature is fitted."""
BINS = 10
COLDEST, HOTTEST = 0.1, 10.0
PIECE = 1 << 16
"""Logits that are gone through at once."""
MOST_FITTED = 1 << 22
"""Logits by which a temperature or two shares are fitted: rows times classes; of more, rows from all over."""
STEPS = 60
SURE = 1.96
"""Standard deviations on either side of the middle that hold 95 % of a normal distribution."""


def calibrate(scaled: Sequence[Tensor], logs: Logits, labels: Labels) -> tuple[dict[str, float], list[str]]:
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


def fitted_temperature(logs: Logits, labels: Labels) -> float:
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


def calibrated_loss(logs: Logits, labels: Labels) -> float:
    """The mean loss at the best temperature: of two models that are as often right, the one that knows better when.

    Unlike accuracy it tells small steps apart, and unlike the loss it does not mind how sure of everything a model is.
    """
    return float(nats(logs, labels, _best(logs, labels)).mean())


def nats(logs: Logits, labels: Labels, temperature: float) -> Floats:
    """The loss of each example [N] with logits divided by a temperature."""
    found = np.empty(len(labels))
    for rows in pieces(logs.shape):
        cooled = normal(np.asarray(logs[rows], dtype=np.float64) / temperature)
        found[rows] = -cooled[np.arange(len(cooled)), labels[rows]]
    return found


def normal(logits: Logits) -> Floats:
    """Log-probabilities. Shapes: [N, C] -> [N, C]"""
    logits = np.asarray(logits, dtype=np.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)), dtype=np.float64)


def pieces(shape: tuple[int, ...]) -> Iterator[slice]:
    """Some rows of logits [N, C] after the others, few enough for a cache."""
    size = max(1, PIECE // shape[1])
    return (slice(start, start + size) for start in range(0, shape[0], size))


def enough(rows: int, classes: int) -> int:
    """Rows by which a temperature or two shares are fitted; all, or as many as say something."""
    return min(rows, max(FEWEST, MOST_FITTED // classes))


def _best(logs: Logits, labels: Labels) -> float:
    """The temperature of the lowest loss, by Newton's method within bounds: its slope in 1/T rises and has one zero."""
    some = np.linspace(0, len(logs) - 1, enough(*logs.shape)).astype(np.int64)
    logs, labels = (logs, labels) if len(some) == len(logs) else (logs[some], labels[some])
    count, classes = logs.shape
    wanted = (
        float(logs.sum(dtype=np.float64)) + count * float(logs[np.arange(count), labels].sum(dtype=np.float64))
    ) / (count + classes)

    def slopes(inverse: float) -> tuple[float, float]:
        """The first and the second one."""
        first, second = -wanted, 0.0
        for rows in pieces(logs.shape):
            here = np.asarray(logs[rows], dtype=np.float64)
            chances = np.exp(normal(inverse * here))
            means = (chances * here).sum(1)
            first += float(means.sum())
            second += float((chances * here * here).sum() - means @ means)
        return first, second

    low, high, at, tried = 1 / HOTTEST, 1 / COLDEST, 1.0, set[float]()
    for _ in range(STEPS):
        slope, bend = slopes(at)
        low, high = (at, high) if slope < 0 else (low, at)
        tried.add(at)
        towards = at - slope / bend if bend > 0 else (high if slope < 0 else low)
        after = min(max(towards, low), high)
        if after in tried and after != at:
            after = (low * high) ** 0.5
        if abs(after - at) <= 1e-12 * at:
            break
        at = after
    return 1 / at


def calibration_error(logs: Logits, labels: Labels, times: float = 1.0) -> float:
    """The mean distance (a fraction) of how sure it is from how often it is right, over bins of as many examples.

    times: what its logits are multiplied with
    """
    said, right = _sure(logs, labels, times)
    bins = _bins(said)
    return float(sum(abs(said[rows].mean() - right[rows].mean()) * len(rows) for rows in bins) / len(said))


def reliability(
    logs: Logits, labels: Labels, temperature: float, part: str, what: str = "Examples", *, mixed: bool = False
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
        low_high = _line("before calibration", logs, labels, temperature)
        lines.append(Line(low_high.name, low_high.x, low_high.y))
        note += (
            f", before calibration {100 * calibration_error(logs, labels, temperature):.1f}. Logits are divided by a "
            f"temperature of {temperature:.3g}, fitted on the validation part; answers stay the same"
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


def _line(name: str, logs: Logits, labels: Labels, times: float = 1.0) -> Line:
    from recurra.report.sections import Line

    said, right = _sure(logs, labels, times)
    groups = [(said[rows].mean(), *_share(int(right[rows].sum()), len(rows))) for rows in _bins(said)]
    x, y, low, high = (list(map(float, values)) for values in zip(*groups, strict=True))
    return Line(name, x, y, low, high)


def _sure(logs: Logits, labels: Labels, times: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The probability of each answer, and whether it is right [N]. times: what the logits are multiplied with"""
    best = logs.max(1).astype(np.float64)
    if times != 1:
        best = np.concatenate(
            [normal(times * np.asarray(logs[rows], dtype=np.float64)).max(1) for rows in pieces(logs.shape)]
        )
    return np.exp(best), logs.argmax(1) == labels


def _bins(said: Floats) -> list[Labels]:
    """Rows by rising probability, in groups of as many."""
    return np.array_split(np.argsort(said, kind="stable"), min(BINS, max(1, len(said) // 10)))


def _share(right: int, count: int) -> tuple[float, float, float]:
    """A share, and the lowest and highest true one that it goes with. Source: Wilson 1927"""
    share = right / count
    middle = (share + SURE**2 / (2 * count)) / (1 + SURE**2 / count)
    reach = SURE * (share * (1 - share) / count + SURE**2 / (4 * count**2)) ** 0.5 / (1 + SURE**2 / count)
    return share, middle - reach, middle + reach
