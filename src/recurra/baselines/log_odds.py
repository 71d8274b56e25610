"""How much each feature of a text speaks for one class rather than for the others, by counting."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.baselines.sparse_logistic import SparseLogistic
from recurra.layers.sparse_linear import Found

LEAST = 1e-6
"""Of a feature's log odds: what says nothing of any class learns nothing."""
ALPHAS = (0.03, 0.1, 0.3)
"""Of naive Bayes, to be tried."""


def log_odds(keys: Tensor, found: Found, labels: Tensor, classes: int) -> Tensor:
    """Of each known feature for each class against all others.

    Maths:  r = log(p / |p|_1) - log(q / |q|_1); p: 1 + rows of the class that have the feature; q: 1 + other rows
    Source: Wang & Manning 2012, Baselines and bigrams: simple, good sentiment and topic classification
    Shapes: keys int64 [F], rising; labels int64 [N] -> [F, C]
    """
    counts = torch.zeros(len(keys) * classes, dtype=torch.int64)
    for some in found.pieces() if len(keys) else ():
        positions = torch.searchsorted(keys, some.keys).clamp_(max=len(keys) - 1)
        there = keys[positions] == some.keys
        pairs = torch.unique(some.rows[there] * len(keys) + positions[there])
        rows, features = pairs // len(keys), pairs % len(keys)
        positions = features * classes + labels[rows]
        counts.index_add_(0, positions, torch.ones_like(positions))
    inside = counts.view(len(keys), classes).float()
    outside = inside.sum(1, keepdim=True) - inside + 1
    inside += 1
    return inside.log() - outside.log() - (inside.sum(0).log() - outside.sum(0).log())


def strength(odds: Tensor, labels: Tensor) -> Tensor:
    """The root mean square over the classes, each as often as its rows. Shapes: [F, C], int64 [N] -> [F]"""
    shares = torch.bincount(labels, minlength=odds.shape[1]) / len(labels)
    return ((odds * odds) @ shares).sqrt()


def paces(odds: Tensor, labels: Tensor) -> Tensor:
    """How fast the weights of a feature are learned, those of a class of which it says more faster; 1 for two classes.

    Maths:  sqrt(|r_c| / strength): between one scale for all classes and one for each, which is Wang & Manning's
    Shapes: [F, C], int64 [N] -> [F, C]
    """
    return (odds.abs() / strength(odds, labels).clamp(min=LEAST).unsqueeze(1)).sqrt()


def naive_bayes(
    features: tuple[Tensor, Tensor], found: Found, labels: Tensor, classes: int, alpha: float
) -> SparseLogistic:
    """Multinomial naive Bayes with equally frequent classes, as a linear model of the same values.

    Maths:  W_fc = (log p(f | c) less its mean over the classes) / scale_f, p(f | c) = (n_fc + alpha) / (n_c + alpha F);
            n_fc: how often the feature occurs in rows of the class; times a number that depends on the row's length
    Source: McCallum & Nigam 1998, A comparison of event models for naive Bayes text classification
    Shapes: features as `choose_features` gives them; labels int64 [N]
    """
    keys, scale = features
    counts = torch.zeros(len(keys) * classes)
    if len(keys):
        positions = torch.searchsorted(keys, found.keys).clamp_(max=len(keys) - 1)
        there = keys[positions] == found.keys
        positions = positions[there] * classes + labels[found.rows[there]]
        counts.index_add_(0, positions, torch.ones(len(positions)))
    inside = counts.view(len(keys), classes)
    logs = ((inside + alpha) / (inside.sum(0) + alpha * len(keys))).log()
    weight = (logs - logs.mean(1, keepdim=True)) / scale.clamp(min=LEAST).unsqueeze(1)
    return SparseLogistic(keys, scale, weight, torch.zeros(classes))
