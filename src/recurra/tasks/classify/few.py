"""The linear skip of few texts: cross-validation chooses it, and in the end the validation part is learned from too."""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from recurra.baselines.cross_validation import Course, Prepare, best_course, follow, left_out
from recurra.baselines.log_odds import ALPHAS, log_odds, naive_bayes, paces, strength
from recurra.baselines.sparse_logistic import SparseLogistic, choose_features
from recurra.data.ragged import lengths_of
from recurra.data.tokens.vocabulary import Level
from recurra.layers.sparse_linear import Found, together
from recurra.tasks.classify.linear import Features, Ids, Texts, features_of
from recurra.tasks.mixing import USUAL, Mix, free_mix, lost

FEW = 300
"""Validation texts, from which a single part is trusted."""
MOST_CROSSED = 1 << 20
"""Tokens to learn from times classes; each fold keeps weights of its own."""
SHARES = 0.0, 1.0
"""Of the network and of what was chosen by cross-validation, beforehand: it has shown what it can, of few texts a
network has to show it on the validation part first."""
SEARCHING = 0.5
"""Of the seconds that there are."""


class Crossed(NamedTuple):
    """beside: of the training part alone, by which the validation part can say how large a share it should have; model:
    what is added then; loss: of texts that were left out in turn, nats per text, None if none were"""

    beside: SparseLogistic
    model: SparseLogistic
    loss: float | None = None

    @classmethod
    def once(cls, model: SparseLogistic) -> Crossed:
        """What one validation part stopped."""
        return cls(model, model)

    def shifted(self, by: Tensor) -> Crossed:
        """With something added to its logits. Shapes: [C]"""
        beside, model = (replace(each, bias=each.bias + by) for each in (self.beside, self.model))
        return self._replace(beside=beside, model=beside if self.model is self.beside else model)


def usual_shares(linear: Crossed) -> tuple[float, float]:
    """Of the network and of a linear model, beforehand."""
    return USUAL if linear.loss is None else SHARES


def is_few(train: Texts, validation: Texts, classes: int) -> bool:
    return len(validation.encoded) < FEW and int(lengths_of(train.encoded).sum()) * classes <= MOST_CROSSED


def few_features(parts: list[tuple[Texts, Ids]], classes: int, level: Level) -> Features:
    """Of all that is learned from in the end. Shapes: -> keys int64 [F], scale [F]"""
    return _prepared(*_all(parts, level), classes=classes, by_odds=True)[0]


def fit_few(
    parts: list[tuple[Texts, Ids]], classes: int, level: Level, seconds: float | None = None, *, by_odds: bool
) -> Crossed:
    """parts: the training part, and the validation part if it may be learned from; seconds: for all of it"""
    end = None if seconds is None else time.monotonic() + SEARCHING * seconds

    def over() -> bool:
        return end is not None and time.monotonic() >= end

    prepare = functools.partial(_prepared, classes=classes, by_odds=by_odds)
    found, labels = _all(parts, level)
    course = best_course(found, labels, classes, prepare, over)
    with_bayes = None if over() else _with_bayes(course, found, labels, classes, prepare)

    def fitted(found: Found, labels: Tensor) -> SparseLogistic:
        model = follow(course, found, labels, classes, prepare)
        return model if with_bayes is None else with_bayes.of(model, found, labels)

    model = fitted(found, labels)
    beside = model if len(parts) == 1 else fitted(*_all(parts[:1], level))
    return Crossed(beside, model, course.loss if with_bayes is None else with_bayes.loss)


class _WithBayes(NamedTuple):
    """Naive Bayes added to a logistic regression, in these shares. loss: as Crossed has it"""

    alpha: float
    mix: Mix
    loss: float

    def of(self, model: SparseLogistic, found: Found, labels: Tensor) -> SparseLogistic:
        """found, labels: what it has learned from"""
        bayes = naive_bayes((model.keys, model.scale), found, labels, len(model.bias), self.alpha)
        weight = self.mix.own * model.weight + self.mix.share * bayes.weight
        return replace(model, weight=weight, bias=self.mix.own * model.bias)


def _with_bayes(course: Course, found: Found, labels: Tensor, classes: int, prepare: Prepare) -> _WithBayes:
    """Of the lowest loss on texts that were left out: of few texts counting learns what descending does not."""
    truth, logits = labels.numpy(), course.logits.double().numpy()
    tried = []
    for alpha in ALPHAS:

        def counted(some: Found, labels: Tensor, alpha: float = alpha) -> SparseLogistic:
            return naive_bayes(prepare(some, labels)[0], some, labels, classes, alpha)

        bayes = left_out(found, labels, classes, counted).double().numpy()
        mix = free_mix(logits, bayes, truth)
        tried.append(_WithBayes(alpha, mix, lost(mix.of(logits, bayes), truth) / len(truth)))
    return min(tried, key=lambda each: each.loss)


def _prepared(found: Found, labels: Tensor, *, classes: int, by_odds: bool) -> tuple[Features, Tensor | None]:
    """See baselines.cross_validation.Prepare."""
    keys, scale = choose_features(found, classes, by_rarity=not by_odds)
    if not by_odds:
        return (keys, scale), None
    odds = log_odds(keys, found, labels, classes)
    return (keys, strength(odds, labels)), paces(odds, labels)


def _all(parts: list[tuple[Texts, Ids]], level: Level) -> tuple[Found, Tensor]:
    """The n-grams of some parts as of one, and its classes."""
    (first, labels), *others = ((features_of(texts, level), torch.tensor(labels)) for texts, labels in parts)
    for found, more in others:
        later = Found(found.keys, found.rows + first.total, found.total)
        first = together(first, later)._replace(total=first.total + found.total)
        labels = torch.cat([labels, more])
    return first, labels
