"""How long to learn a linear model of few rows: each is left out once, for a few that always are tell little."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from recurra.baselines.sparse_logistic import BATCH, PATIENCE, RATES, SparseLogistic, descent
from recurra.layers.sparse_linear import Found, Sparse, known, outputs

FOLDS = 5
STEPS = 20
"""Of an epoch at least: few large steps end where the last of them happened to lead."""
SMALLEST = 16

Prepare = Callable[[Found, Tensor], tuple[tuple[Tensor, Tensor], Tensor | None]]
"""Of rows and their classes the features, as `choose_features` gives them, and the paces of `fit`."""


class Course(NamedTuple):
    """Of a descent. loss: of rows that were left out, nats per row; cut: whether no time was left to look further;
    logits: of these rows [N, C]"""

    rate: float
    epochs: int
    loss: float
    cut: bool
    logits: Tensor


def best_course(
    found: Found,
    labels: Tensor,
    classes: int,
    prepare: Prepare,
    over: Callable[[], bool] = lambda: False,
    *,
    seed: int = 0,
) -> Course:
    """The rate and the number of epochs of the lowest loss over all rows, each read by a model that did not learn it.

    What is counted of a row's class, such as log odds, is counted without the row too. over: whether the time is
    Source: Stone 1974, Cross-validatory choice and assessment of statistical predictions; folds by class as Kohavi 1995
    Shapes: labels int64 [N]
    """
    fold_of, batch = folds(labels, seed), batch_of(len(labels))
    parts = [_divided(found, labels, fold_of == fold, prepare) for fold in range(FOLDS)]
    best: Course | None = None
    for rate in RATES:
        runs = [
            descent(part.rows, part.labels, (part.features, classes), rate, paces=part.paces, batch=batch)
            for part in parts
        ]
        lowest: Course | None = None
        for epochs, learned in enumerate(zip(*runs, strict=True), start=1):
            logits = torch.empty(len(labels), classes)
            for fold, (part, each) in enumerate(zip(parts, learned, strict=True)):
                logits[fold_of == fold] = outputs(part.others, each.weight, each.bias)
            now = Course(rate, epochs, float(functional.cross_entropy(logits, labels)), over(), logits)
            if lowest is None or now.loss < lowest.loss:
                lowest = now
            if now.cut or epochs - lowest.epochs >= PATIENCE:
                break
        assert lowest is not None
        best = lowest if best is None or lowest.loss < best.loss else best
        if over():
            return best._replace(cut=True)
    assert best is not None
    return best


def batch_of(rows: int) -> int:
    """The rows of a step, so that an epoch of few rows has STEPS."""
    return min(BATCH, max(SMALLEST, rows // STEPS))


def follow(course: Course, found: Found, labels: Tensor, classes: int, prepare: Prepare) -> SparseLogistic:
    """The model of all rows after such a course. Shapes: labels int64 [N]"""
    features, paces = prepare(found, labels)
    rows = known(found, *features)
    shape, batch = (len(features[0]), classes), batch_of(len(labels))
    epochs = descent(rows, labels, shape, course.rate, paces=paces, batch=batch)
    for _, learned in zip(range(course.epochs), epochs, strict=False):
        weight, bias = learned.weight, learned.bias
    return SparseLogistic(*features, weight, bias, float(course.epochs) if course.cut else None)


def left_out(
    found: Found, labels: Tensor, classes: int, model: Callable[[Found, Tensor], SparseLogistic], *, seed: int = 0
) -> Tensor:
    """The logits of each row by a model that has not seen it, in the folds of `best_course`. Shapes: -> [N, C]"""
    fold_of, logits = folds(labels, seed), torch.empty(len(labels), classes)
    for fold in range(FOLDS):
        inside, outside = (torch.nonzero(each).squeeze(1) for each in (fold_of != fold, fold_of == fold))
        logits[outside] = model(found.taken(inside), labels[inside]).outputs(found.taken(outside))
    return logits


def folds(labels: Tensor, seed: int) -> Tensor:
    """Of each row the fold that it is left out in, each class spread over all. Shapes: int64 [N] -> int64 [N]"""
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(labels)))
    order = order[torch.argsort(labels[order], stable=True)]
    result = torch.empty_like(labels)
    result[order] = torch.arange(len(labels)) % FOLDS
    return result


class _Divided(NamedTuple):
    """Rows that are learned from, their classes, and others. features: how many are known"""

    rows: Sparse
    labels: Tensor
    others: Sparse
    features: int
    paces: Tensor | None


def _divided(found: Found, labels: Tensor, others: Tensor, prepare: Prepare) -> _Divided:
    """others: bool [N], which rows are not learned from"""
    inside, outside = (torch.nonzero(each).squeeze(1) for each in (~others, others))
    some = found.taken(inside)
    features, paces = prepare(some, labels[inside])
    return _Divided(
        known(some, *features), labels[inside], known(found.taken(outside), *features), len(features[0]), paces
    )
