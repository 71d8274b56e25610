"""What mixing would gain, as a run's report shows it."""

from __future__ import annotations

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


def beside_each_other(network: NextToken, corpus: Corpus, part: Tokens, name: str) -> Table | None:
    """The network alone, with n-grams and with a cache too; None for texts that would take long."""
    part = part[: LOOKED_AT + 1]
    if len(corpus.train) > LARGEST or len(corpus.validation) < 2 or len(part) < 2:
        return None
    level = corpus.vocabulary.level
    rows: list[list[Cell]] = [_row("network alone", nats_per_token(network, part), level, "")]
    for parts in ((N_GRAMS,), (N_GRAMS, CACHE)):
        mixture = fit_mixture(network, corpus, parts)
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


def _row(title: str, loss: float, level: str, shares: str) -> list[Cell]:
    return [title, f"{loss:.4f}", f"{list(named_loss(loss, level).values())[1]:.4f}", shares]
