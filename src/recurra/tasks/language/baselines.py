"""Baselines of a language model, on the same split."""

from __future__ import annotations

import time
from dataclasses import replace

from recurra.baselines.kneser_ney import KneserNey
from recurra.baselines.sample import affordable
from recurra.data.corpus.mapped import Corpus
from recurra.report.record import Baseline
from recurra.tasks.language.trainee import Tokens, evenly
from recurra.tasks.text.losses import named_loss
from recurra.training.history import Clock

ORDERS = (2, 3, 5)
"""Those that stand beside every model."""
LONGEST = 8
"""Order up to which a better one is looked for."""
SECONDS = 60.0
"""For which it is looked for: no further order is begun that would end later."""
GAIN = 5e-3
"""Nats per token that a longer one has to save."""
PROBE = 1 << 17
"""Tokens on which it is measured how long counting takes."""
LOOKED_AT = 1 << 20
"""Tokens of the validation part that choose the order."""


def language_baselines(corpus: Corpus, held_out: Tokens) -> list[Baseline]:
    """Interpolated Kneser-Ney n-grams, scored on the same tokens as a model: all but the first.

    Beside those of ORDERS the longest that pays on the validation part, see `longer`.
    """
    return _with_longer(_counted(corpus, held_out, len(corpus.train)), corpus, held_out)


def baselines_within(
    corpus: Corpus, held_out: Tokens, seconds: float, *, clock: Clock = time.perf_counter
) -> tuple[list[Baseline], list[str]]:
    """As `language_baselines`, of the training part's last tokens, and scored on tokens from all over the held-out
    part, as many as can be counted and scored in so many seconds; and what to say of it.

    How long a text takes is measured on a short one first. Longer n-grams are looked for where all of it was counted.
    """
    begun, whole = clock(), len(corpus.train)
    count = min(PROBE, whole)
    found = _counted(corpus, held_out, count)
    took = clock() - begun
    if (more := min(affordable(count, took, seconds), whole)) > count:
        count, found = more, _counted(corpus, held_out, more)
    if count == whole:
        return _with_longer(found, corpus, held_out, seconds - (clock() - begun)), []
    scored = min(count, len(held_out))
    unit = f"{count:,} of {whole:,}"
    return [replace(each, name=f"{each.name}, {unit} tokens") for each, _, _ in found], [
        f"the baselines were counted on the last {unit} tokens of the training part"
        + (f" and scored on {scored:,} of {len(held_out):,}, from all over that part" if scored < len(held_out) else "")
        + ", for the minutes allow no more; --baselines full counts all"
    ]


Counted = list[tuple[Baseline, KneserNey, float]]
"""The last number: the seconds that counting took."""


def _counted(corpus: Corpus, held_out: Tokens, count: int) -> Counted:
    """Those of ORDERS on the last tokens."""
    whole = len(corpus.train)
    part = replace(corpus, train=corpus.train[whole - count :])
    scored = held_out if count == whole else evenly(held_out, max(2, count))
    found = []
    for order in ORDERS:
        grams, seconds = _fit(part, order)
        found.append((_scored(grams, seconds, part, scored), grams, seconds))
    return found


def _with_longer(found: Counted, corpus: Corpus, held_out: Tokens, most: float | None = None) -> list[Baseline]:
    _, grams, seconds = found[-1]
    better = longer(corpus, grams, seconds, most)
    return [each for each, _, _ in found] + ([] if better is None else [_scored(*better, corpus, held_out)])


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
