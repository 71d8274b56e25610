"""Baselines of a language model, on the same split."""

from __future__ import annotations

import time

from recurra.baselines.kneser_ney import KneserNey
from recurra.data.corpus.mapped import Corpus
from recurra.report.record import Baseline
from recurra.tasks.language.trainee import Tokens
from recurra.tasks.text.losses import named_loss

ORDERS = (2, 3, 5)


def language_baselines(corpus: Corpus, held_out: Tokens) -> list[Baseline]:
    """Interpolated Kneser-Ney n-grams, scored on the same tokens as a model: all but the first."""
    found = []
    for order in ORDERS:
        begun = time.perf_counter()
        grams = KneserNey.fit(corpus.train, len(corpus.vocabulary), order)
        seconds = time.perf_counter() - begun
        loss = -float(grams.log_prob(held_out)[1:].mean())
        metrics = named_loss(loss, corpus.vocabulary.level)
        found.append(Baseline(f"Kneser-Ney {order}-gram", metrics, grams.size_bytes(), seconds))
    return found
