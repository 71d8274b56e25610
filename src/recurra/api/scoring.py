"""Candidates ranked by a run's language model, with an n-gram beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recurra.api import provenance
from recurra.baselines.kneser_ney import KneserNey
from recurra.data.files.candidates import read_candidates
from recurra.errors import DataError, UsageError
from recurra.tasks import given
from recurra.tasks.language.data import read_corpus, read_vocabulary
from recurra.tasks.language.model import LanguageModel
from recurra.tasks.language.score import Ranking, rank
from recurra.tasks.stored import of_folder

if TYPE_CHECKING:
    from recurra.api.run import Run

ORDER = 5
"""Of the n-gram beside the model."""


def score(
    run: Run,
    candidates: str | Path | Sequence[Sequence[str]],
    *,
    by: str = "total",
    baseline: bool = True,
    encoding: str = "utf-8",
) -> list[Ranking]:
    """Rank groups of candidates; see `Run.score`."""
    if not isinstance(run.model, LanguageModel):
        raise UsageError(f"this model does not score candidates: {run.model.does}")
    if isinstance(candidates, str | Path):
        file = given.path(candidates, "candidates")
        groups: Sequence[Sequence[str]] = [group.texts for group in read_candidates(file, encoding)]
    elif isinstance(candidates, Mapping) or not isinstance(candidates, Iterable):
        raise UsageError(f"candidates are a file or a list of groups of texts, got a {type(candidates).__name__}")
    else:
        groups = [group if isinstance(group, str) else given.texts(group, what="candidate") for group in candidates]
    grams = n_gram(run) if baseline else None
    return rank(run.model.network, run.model.vocabulary, run.model.start(), groups, by=by, baseline=grams)


def n_gram(run: Run) -> KneserNey:
    """A Kneser-Ney 5-gram of the run's training text, counted anew: a model folder does not keep it.

    Errors: DataError if the data of the run are not there any more, or are others
    """
    try:
        source = provenance.find(run.stored, run.folder)
    except DataError as error:
        raise DataError(
            f"the n-gram beside the model is counted on the run's data, and {str(error).splitlines()[0]}",
            remedy="put them back, or leave it out with --no-baseline, baseline=False",
        ) from error
    try:
        kept = None if (found := run.kept()) is None else read_vocabulary(found.vocabulary)
        corpus = read_corpus(source, run.settings.data, kept)
    except UsageError as error:
        raise of_folder(run.folder, error) from error
    return KneserNey.fit(corpus.train, len(corpus.vocabulary), ORDER)
