"""Baselines of a language model, on the same split."""

from __future__ import annotations

import time

from recurra.baselines.kneser_ney import KneserNey
from recurra.data.corpus.mapped import Corpus
from recurra.report.record import Baseline
from recurra.tasks.language.trainee import Tokens
from recurra.tasks.text.losses import named_loss

ORDERS = (2, 3, 5)
"""Those that stand beside every model."""
LONGEST = 8
"""Order up to which a better one is looked for."""
SECONDS = 60.0
"""For which it is looked for: no further order is begun that would end later."""
GAIN = 5e-3
"""Nats per token that a longer one has to save."""
LOOKED_AT = 1 << 20
"""Tokens of the validation part that choose the order."""


def language_baselines(corpus: Corpus, held_out: Tokens, most: float | None = None) -> list[Baseline]:
    """Interpolated Kneser-Ney n-grams, scored on the same tokens as a model: all but the first.

    Beside those of ORDERS the longest that pays on the validation part, see `longer`; most: seconds to look for it
    """
    found = []
    for order in ORDERS:
        grams, seconds = _fit(corpus, order)
        found.append(_scored(grams, seconds, corpus, held_out))
    better = longer(corpus, grams, seconds, most)
    return found if better is None else [*found, _scored(*better, corpus, held_out)]


def longer(
    corpus: Corpus, grams: KneserNey, seconds: float, most: float | None = None
) -> tuple[KneserNey, float] | None:
    """The n-gram of the order above that of `grams` that predicts the validation part best, and the seconds it took.

    Orders are tried one after another as long as each saves GAIN, up to LONGEST. None if the next one does not, if
    there is no validation part, or no time: texts of 100 MB are left with the one that they have. most: seconds,
    SECONDS if None
    """
    chosen, part = None, corpus.validation[:LOOKED_AT]
    most = SECONDS if most is None else most
    begun = time.perf_counter()
    if len(part) < 2 or 2 * seconds > most:
        return None
    best = _loss(grams, part)
    for order in range(grams.order + 1, LONGEST + 1):
        if time.perf_counter() - begun + 1.5 * seconds > most:
            break
        grams, seconds = _fit(corpus, order)
        loss = _loss(grams, part)
        if loss > best - GAIN:
            break
        best, chosen = loss, (grams, seconds)
    return chosen


def best_n_gram(corpus: Corpus) -> KneserNey:
    """The one of ORDERS and above that predicts the validation part best."""
    grams, seconds = _fit(corpus, max(ORDERS))
    better = longer(corpus, grams, seconds)
    return grams if better is None else better[0]


def _fit(corpus: Corpus, order: int) -> tuple[KneserNey, float]:
    begun = time.perf_counter()
    grams = KneserNey.fit(corpus.train, len(corpus.vocabulary), order)
    return grams, time.perf_counter() - begun


def _loss(grams: KneserNey, tokens: Tokens) -> float:
    """Nats per token but the first."""
    return -float(grams.log_prob(tokens)[1:].mean())


def _scored(grams: KneserNey, seconds: float, corpus: Corpus, held_out: Tokens) -> Baseline:
    metrics = named_loss(_loss(grams, held_out), corpus.vocabulary.level)
    return Baseline(f"Kneser-Ney {grams.order}-gram", metrics, grams.size_bytes(), seconds)
