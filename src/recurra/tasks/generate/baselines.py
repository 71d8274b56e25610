"""Baselines of a conditioned generator: n-grams that know no class, and n-grams of each class."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recurra.baselines.kneser_ney import KneserNey
from recurra.report.record import Baseline
from recurra.tasks.generate.data import GenerateData, Ids, Part
from recurra.tasks.text.losses import named_loss

ORDERS = (3, 5, 7)
MIXES = tuple(round(0.1 * step, 1) for step in range(11))
"""Shares of the class's own n-grams in a mixture, from which the validation part chooses."""
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TextGrams:
    """Kneser-Ney n-grams of texts that each begin anew. end: the id of a text's end, the last one of all"""

    grams: KneserNey
    end: int

    @classmethod
    def fit(cls, rows: Sequence[Ids], end: int, order: int) -> TextGrams:
        """Count the texts of a part, with their ends; none of them reaches into the next one."""
        stream, _ = _stream(rows, end, order)
        return cls(KneserNey.fit(stream, end + 1, order), end)

    def log_prob(self, rows: Sequence[Ids]) -> Float64:
        """Of all tokens of all texts, row after row, in nats."""
        stream, scored = _stream(rows, self.end, self.grams.order)
        return self.grams.log_prob(stream)[scored]

    def draw(self, count: int, *, length: int, temperature: float = 1.0, seed: int = 0) -> list[list[int]]:
        """Texts of at most `length` tokens, then their end token if it came. temperature above 0"""
        found = []
        pad = [self.end] * (self.grams.order - 1)
        reached: dict[tuple[int, ...], Float64] = {}
        for row in range(count):
            numbers, tokens = np.random.default_rng([seed, row]), list(pad)
            while len(tokens) - len(pad) <= length:
                context = tuple(tokens[len(tokens) - len(pad) :])
                if context not in reached:
                    chances = self.grams.distribution(np.array(context, dtype=np.int64))
                    chances[0] = 0.0  # the unknown token
                    reached[context] = (chances ** (1 / temperature)).cumsum()
                sums = reached[context]
                tokens.append(int(np.searchsorted(sums, numbers.random() * sums[-1], side="right")))
                if tokens[-1] == self.end:
                    break
            found.append(tokens[len(pad) :] if tokens[-1] == self.end else tokens[len(pad) : len(pad) + length])
        return found


def _stream(rows: Sequence[Ids], end: int, order: int) -> tuple[Ids, npt.NDArray[np.bool_]]:
    """The texts one after the other, with so many ends between them that no context holds two, and what is scored."""
    pad = np.full(max(order - 1, 1), end, dtype=np.int64)
    parts, scored = [pad], [np.zeros(len(pad), dtype=np.bool_)]
    for row in rows:
        gap = pad[1:] if len(row) and row[-1] == end else pad
        parts += [row, gap]
        scored += [np.ones(len(row), dtype=np.bool_), np.zeros(len(gap), dtype=np.bool_)]
    return np.concatenate(parts), np.concatenate(scored)


@dataclass(frozen=True)
class ClassGrams:
    """n-grams of each condition, mixed with those of all texts. share: of a condition's own; 1: nothing is mixed in"""

    own: dict[int, TextGrams]
    all: TextGrams
    share: float = 1.0

    @classmethod
    def fit(cls, part: Part, data: GenerateData, order: int) -> ClassGrams:
        """Count the texts of a part, apart by their labels and together."""
        own = {}
        for label in np.unique(part.labels).tolist():
            own[label] = TextGrams.fit(_of(part, label), data.end, order)
        return cls(own, TextGrams.fit(part.encoded, data.end, order))

    def losses(self, part: Part) -> tuple[Float64, Float64]:
        """Log-probabilities of all tokens of a part, in nats: of the conditions' own n-grams, and of all texts'.

        A condition that the training part has not is read by those of all texts.
        """
        order = np.argsort(part.labels, kind="stable")
        rows = [part.encoded[i] for i in order]
        labels = np.unique(part.labels).tolist()
        own = [self.own.get(label, self.all).log_prob(_of(part, label)) for label in labels]
        return np.concatenate(own), self.all.log_prob(rows)

    def nats_per_token(self, part: Part) -> float:
        """Units: nats"""
        return mixed(*self.losses(part), self.share)


def mixed(own: Float64, blind: Float64, share: float) -> float:
    """Nats per token of the mixture of two models. Shapes: log-probabilities [N] each, in nats"""
    with np.errstate(divide="ignore"):
        return -float(np.logaddexp(own + np.log(share), blind + np.log(1 - share)).mean())


def generate_baselines(data: GenerateData, held_out: Part) -> list[Baseline]:
    """n-grams of all texts and of each condition; at last both mixed, as the validation part likes it best."""
    found, level = [], data.vocabulary.level
    best: tuple[float, int, float, ClassGrams] | None = None
    for order in ORDERS:
        begun = time.perf_counter()
        grams = ClassGrams.fit(data.parts["train"], data, order)
        own, blind = grams.losses(data.parts["validation"])
        loss, share = min((mixed(own, blind, share), share) for share in MIXES)
        seconds = time.perf_counter() - begun
        if best is None or loss < best[0]:
            best = (loss, order, share, ClassGrams(grams.own, grams.all, share))
        own, blind = grams.losses(held_out)
        size = sum(each.grams.size_bytes() for each in grams.own.values())
        name = f"Kneser-Ney {order}-gram"
        found += [
            Baseline(
                f"{name}, blind to classes",
                named_loss(-float(blind.mean()), level),
                grams.all.grams.size_bytes(),
                seconds,
            ),
            Baseline(f"{name} of each class", named_loss(-float(own.mean()), level), size, seconds),
        ]
    assert best is not None
    _, order, share, grams = best
    size = sum(each.grams.size_bytes() for each in (grams.all, *grams.own.values()))
    loss = grams.nats_per_token(held_out)
    name = f"the {order}-grams mixed, {share:.0%} of the class's own"
    return [*found, Baseline(name, named_loss(loss, level), size, 0.0)]


def _of(part: Part, label: int) -> list[Ids]:
    return [part.encoded[i] for i in np.flatnonzero(part.labels == label)]
