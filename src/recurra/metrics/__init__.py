"""What a model is evaluated by: pure functions of numpy arrays, the unit in the name or the docstring.

Labels are whole numbers from 0; `classes` are the names they stand for, in that order. A fraction is 0 to 1.
A quantity that is 0 / 0 (the precision of a class that is never predicted) is 0, as in most such tables.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recurra.errors import ShapeError

LARGEST_EXPONENT = math.log(np.finfo(np.float64).max)


@dataclass(frozen=True)
class ClassRow:
    """One class of a table of results: fractions, and the number of examples that are truly of it."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Confusion:
    """`count` examples of class `true` were taken for `predicted`; `share` is their fraction of `true`."""

    true: str
    predicted: str
    count: int
    share: float


def accuracy(true: ArrayLike, predicted: ArrayLike) -> float:
    """The fraction of examples whose class is right.

    Shapes:  true, predicted int [N], N >= 1
    Errors:  ShapeError if they are not two whole-number arrays of one length
    """
    truth, guess = _pair(true, predicted)
    return float(np.mean(truth == guess))


def confusion_matrix(true: ArrayLike, predicted: ArrayLike, classes: Sequence[str]) -> NDArray[np.int64]:
    """How many examples of each class were taken for which: int64 [C, C], indexed [true, predicted].

    Errors:  ShapeError if a label is not below len(classes), or the arrays do not fit
    """
    count = len(classes)
    truth, guess = _pair(true, predicted, count)
    return np.bincount(truth * count + guess, minlength=count * count).reshape(count, count).astype(np.int64)


def per_class(true: ArrayLike, predicted: ArrayLike, classes: Sequence[str]) -> list[ClassRow]:
    """Precision, recall, F1 (fractions) and support (examples): one row a class, in the order given.

    Errors:  as `confusion_matrix`
    """
    truth, guess = _pair(true, predicted, len(classes))
    hits, support, guessed = _counts(truth, guess, len(classes))
    precision, recall = _divide(hits, guessed), _divide(hits, support)
    f1 = _divide(2 * hits, support + guessed)
    return [
        ClassRow(name, float(precision[k]), float(recall[k]), float(f1[k]), int(support[k]))
        for k, name in enumerate(classes)
    ]


def macro_f1(true: ArrayLike, predicted: ArrayLike) -> float:
    """The mean F1 (fraction) over the classes that occur in the truth or the predictions, weighing the same.

    A class with neither truth nor prediction has no F1 and is left out; one with predictions alone is a 0.
    """
    hits, support, guessed = _own_counts(true, predicted)
    return float(np.mean(2 * hits / (support + guessed)))


def balanced_accuracy(true: ArrayLike, predicted: ArrayLike) -> float:
    """The mean recall (fraction) over the classes that occur in the truth, each weighing the same."""
    hits, support, _ = _own_counts(true, predicted)
    used = support > 0
    return float(np.mean(hits[used] / support[used]))


def groups_right(true: ArrayLike, predicted: ArrayLike, groups: Sequence[Hashable]) -> float:
    """The fraction of groups whose examples are all right; groups: of each example, equal values belong together.

    For minimal pairs, whose two texts differ in what decides: an answer that ignores it gets one of them right.
    Errors:  ShapeError if there are not as many groups as examples
    """
    truth, guess = _pair(true, predicted)
    if len(groups) != len(truth):
        raise ShapeError(f"expected a group for each of {len(truth)} examples, got {len(groups)}")
    right: dict[Hashable, bool] = {}
    for group, same in zip(groups, (truth == guess).tolist(), strict=True):
        right[group] = right.get(group, True) and same
    return sum(right.values()) / len(right)


def most_confused(true: ArrayLike, predicted: ArrayLike, classes: Sequence[str], top: int = 10) -> list[Confusion]:
    """The pairs of different classes that are confused most often, most often first, at most `top` of them.

    Equal counts are ordered by class; pairs that never occur are left out.
    Errors:  as `confusion_matrix`; ShapeError if top is negative
    """
    if top < 0:
        raise ShapeError(f"expected top >= 0, got {top}")
    truth, guess = _pair(true, predicted, len(classes))
    wrong = truth != guess
    pairs, counts = np.unique(truth[wrong] * len(classes) + guess[wrong], return_counts=True)
    support = np.bincount(truth, minlength=len(classes))
    found = [(*divmod(int(pairs[k]), len(classes)), int(counts[k])) for k in np.argsort(-counts, kind="stable")[:top]]
    return [Confusion(classes[i], classes[j], count, count / int(support[i])) for i, j, count in found]


def bits(nats: float) -> float:
    """Nats in bits: nats / ln 2. Nats per character give bits per character."""
    return nats / math.log(2)


def bits_per_token(nats_per_token: float) -> float:
    """Bits per token of a loss in nats per token."""
    return bits(nats_per_token)


def perplexity(nats_per_token: float) -> float:
    """exp(nats per token), the sides of a fair die as hard to predict; inf where a float64 ends."""
    return math.inf if nats_per_token > LARGEST_EXPONENT else math.exp(nats_per_token)


def _counts(truth: NDArray[np.int64], guess: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], ...]:
    """Of each class: how often it is right, how often it is true, how often it is predicted. Shapes: int64 [C] each"""
    return tuple(np.bincount(of, minlength=count) for of in (truth[truth == guess], truth, guess))


def _own_counts(true: ArrayLike, predicted: ArrayLike) -> tuple[NDArray[np.int64], ...]:
    """As `_counts`, of the labels that occur, however large their numbers."""
    truth, guess = _pair(true, predicted)
    occurring, numbered = np.unique(np.concatenate([truth, guess]), return_inverse=True)
    return _counts(numbered[: len(truth)], numbered[len(truth) :], len(occurring))


def _pair(
    true: ArrayLike, predicted: ArrayLike, classes: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """classes: how many there are, if that is known"""
    truth, guess = np.asarray(true), np.asarray(predicted)
    if truth.ndim != 1 or truth.shape != guess.shape or len(truth) == 0:
        raise ShapeError(
            f"expected true [N] and predicted [N] with N >= 1, got {list(truth.shape)} and {list(guess.shape)}"
        )
    for name, labels in (("true", truth), ("predicted", guess)):
        if not np.issubdtype(labels.dtype, np.integer):
            raise ShapeError(f"expected {name} as whole numbers, got {labels.dtype}")
        if labels.min() < 0:
            raise ShapeError(f"expected {name} from 0, got {labels.min()}")
    if classes is not None and (largest := int(max(truth.max(), guess.max()))) >= classes:
        raise ShapeError(f"expected labels below {classes} (the number of classes), got {largest}")
    return truth.astype(np.int64), guess.astype(np.int64)


def _divide(above: NDArray[np.int64], below: NDArray[np.int64]) -> NDArray[np.float64]:
    """above / below, and 0 where below is 0."""
    return np.divide(above, below, out=np.zeros(above.shape), where=below > 0)
