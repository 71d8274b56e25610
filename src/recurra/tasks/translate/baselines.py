"""What a translator has to beat, on the same sentences."""

from __future__ import annotations

import time

from recurra.baselines.ibm1 import Ibm1
from recurra.tasks.rival import Rival
from recurra.tasks.translate.data import PairPart, TranslateData
from recurra.tasks.translate.text import attach
from recurra.tasks.translate.trainee import scores

MOST_PAIRS = 100_000
"""The dictionary learns from so many pairs at most, which need about 1 GB of memory."""


def translate_rivals(data: TranslateData, judged: PairPart, *, lowercase: bool) -> list[Rival]:
    """Leaving the source as it is, and a word-for-word dictionary learned from the training pairs."""
    begun = time.perf_counter()
    copied = scores(judged.sources, judged.targets, lowercase=lowercase)
    found = [Rival("copying the source", copied, None, time.perf_counter() - begun)]
    train = data.parts["train"]
    some = slice(None, None, max(1, -(-len(train) // MOST_PAIRS)))
    begun = time.perf_counter()
    learned = Ibm1.fit(train.sources[some], train.targets[some])
    seconds = time.perf_counter() - begun
    written = [attach(row) for row in learned.translate(judged.sources)]
    name = "word-for-word dictionary (IBM model 1)"
    return [*found, Rival(name, scores(written, judged.targets, lowercase=lowercase), learned.size_bytes(), seconds)]
