"""What mixing would gain, as a run's report shows it."""

from __future__ import annotations

import time
from dataclasses import replace

from recurra.baselines.kneser_ney import KneserNey
from recurra.baselines.sample import affordable
from recurra.data.corpus.mapped import Corpus
from recurra.report.metric import find
from recurra.report.sections import Cell, Column, Table
from recurra.tasks.language.mixture.fitting import FITTED, fit_mixture
from recurra.tasks.language.mixture.parts import CACHE, N_GRAMS
from recurra.tasks.language.trainee import Tokens, nats_per_token
from recurra.tasks.text.losses import METRICS, named_loss
from recurra.topologies.many_to_many import NextToken

LARGEST = 1 << 22
"""Tokens of a training text that n-grams are counted on again for the report."""
LOOKED_AT = FITTED
"""Tokens of a part that the rows are of: its first ones."""
PROBE = 16
"""A part of all that is read, one in so many, says how long the table takes."""
LEAST_SECONDS = 10.0
"""For which it is begun at all."""


def beside_each_other_within(
    network: NextToken, corpus: Corpus, part: Tokens, name: str, seconds: float
) -> tuple[Table | None, list[str]]:
    """As `beside_each_other`; no table, and what to say then, where it would take more than so many seconds."""
    if not _worth_a_table(corpus, part):
        return None, []
    train = min(len(corpus.train), max(len(corpus.train) // PROBE, FITTED // PROBE))
    some = replace(corpus, train=corpus.train[:train], validation=corpus.validation[: FITTED // PROBE + 1])
    fits = seconds >= LEAST_SECONDS
    if fits:
        begun = time.perf_counter()
        beside_each_other(network, some, part[: LOOKED_AT // PROBE + 1], name)
        fits = affordable(train, time.perf_counter() - begun, seconds) >= len(corpus.train)
    if fits:
        return beside_each_other(network, corpus, part, name), []
    return None, [
        "what mixing with n-grams and a cache would gain is left out, for the minutes allow no more; "
        "recurra evaluate RUN --mixture all says it"
    ]


def beside_each_other(network: NextToken, corpus: Corpus, part: Tokens, name: str) -> Table | None:
    """The network alone, with n-grams and with a cache too; None for texts that would take long."""
    if not _worth_a_table(corpus, part):
        return None
    part = part[: LOOKED_AT + 1]
    level = corpus.vocabulary.level
    rows: list[list[Cell]] = [_row("network alone", nats_per_token(network, part), level, "")]
    counted: KneserNey | None = None
    for parts in ((N_GRAMS,), (N_GRAMS, CACHE)):
        mixture = fit_mixture(network, corpus, parts, counted=counted)
        counted = mixture.n_grams
        loss = -float(mixture.log_probabilities(network, part).mean())
        shares = ", ".join(f"{share:.2f} {what}" for what, share in mixture.shares.items())
        rows.append(_row("with " + " and a ".join(parts), loss, level, shares))
    second = find(METRICS, list(named_loss(0.0, level))[1])
    return Table(
        "Mixtures",
        ["", Column("Loss, nats", "number"), Column(second.label, "number"), "Shares"],
        rows,
        f"The {name} part's first {len(part) - 1:,} tokens. Probabilities are mixed in shares fitted on the validation "
        "part; the cache holds the 2,000 tokens before. Weights that go on learning too: recurra evaluate RUN "
        "--mixture all.",
    )


def _worth_a_table(corpus: Corpus, part: Tokens) -> bool:
    """Whether a table of these data says something, and does not take long without a deadline either."""
    return len(corpus.train) <= LARGEST and len(corpus.validation) >= 2 and len(part) >= 2


def _row(title: str, loss: float, level: str, shares: str) -> list[Cell]:
    return [title, f"{loss:.4f}", f"{list(named_loss(loss, level).values())[1]:.4f}", shares]
