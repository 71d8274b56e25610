"""Baselines of a translator, on the same sentences."""

from __future__ import annotations

import time

from recurra.baselines.ibm1 import Ibm1
from recurra.data.tokens.scripts import words
from recurra.report.record import Baseline
from recurra.tasks.decoding.bleu import scores
from recurra.tasks.decoding.glossary import MOST_PAIRS
from recurra.tasks.decoding.spelling import join_words
from recurra.tasks.translate.data import TranslateData
from recurra.tasks.translate.encoding import PairPart


def translate_baselines(data: TranslateData, held_out: PairPart, *, lowercase: bool) -> list[Baseline]:
    """Leaving the source as it is, and a word-for-word dictionary learned from the training pairs."""
    begun = time.perf_counter()
    copied = scores(held_out.sources, held_out.targets, lowercase=lowercase, cut_by=data.bleu)
    found = [Baseline("copying the source", copied, None, time.perf_counter() - begun)]
    train = data.parts["train"]
    some = slice(None, None, max(1, -(-len(train) // MOST_PAIRS)))
    begun = time.perf_counter()
    learned = Ibm1.fit(train.sources[some], train.targets[some], cut=words)
    seconds = time.perf_counter() - begun
    written = [join_words(row) for row in learned.translate(held_out.sources)]
    name = "word-for-word dictionary (IBM model 1)"
    return [
        *found,
        Baseline(
            name,
            scores(written, held_out.targets, lowercase=lowercase, cut_by=data.bleu),
            learned.size_bytes(),
            seconds,
        ),
    ]
