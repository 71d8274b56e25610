"""Candidates ranked by a run's language model, with an n-gram beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.api import provenance
from recurra.api.mixing import mixture_of
from recurra.data.files.candidates import read_candidates
from recurra.errors import DataError, UsageError
from recurra.tasks import given, registry
from recurra.tasks.abilities import Counting, Ranks, able
from recurra.tasks.stored import of_folder

if TYPE_CHECKING:
    from recurra.api.run import Run


def score(
    run: Run,
    candidates: str | Path | Sequence[Sequence[str]],
    *,
    by: str = "total",
    baseline: bool = True,
    mixture: Any = None,
    encoding: str = "utf-8",
) -> list[Any]:
    """Rank groups of candidates; see `Run.score`."""
    model: Ranks = able(run.model, Ranks, "score candidates")
    if isinstance(candidates, str | Path):
        file = given.path(candidates, "candidates")
        groups: Sequence[Sequence[str]] = [group.texts for group in read_candidates(file, encoding)]
    elif isinstance(candidates, Mapping) or not isinstance(candidates, Iterable):
        raise UsageError(f"candidates are a file or a list of groups of texts, got a {type(candidates).__name__}")
    else:
        groups = [group if isinstance(group, str) else given.texts(group, what="candidate") for group in candidates]
    grams = n_gram(run) if baseline else None
    more = {} if mixture is None else {"mixture": mixture_of(run, mixture)}
    return model.rank(groups, by=by, n_gram=grams, **more)


def n_gram(run: Run) -> Any:
    """An n-gram of the run's training text, counted anew: a model folder does not keep it.

    Errors: DataError if the data of the run are not there any more, or are others
    """
    try:
        source = provenance.find(run.stored, run.folder)
    except DataError as error:
        raise DataError(
            f"the n-gram baseline is counted on the run's data, but {str(error).splitlines()[0]}",
            remedy="restore them, or use --no-baseline, baseline=False",
        ) from error
    task = registry.get(run.task).task
    if not isinstance(task, Counting):
        raise UsageError(f"there is no n-gram baseline for the task {run.task}; use --no-baseline")
    try:
        return task.n_gram(source, run.settings, run.preprocessor)
    except UsageError as error:
        raise of_folder(run.folder, error) from error
