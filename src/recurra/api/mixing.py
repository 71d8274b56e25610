"""What is mixed with a run's model, fitted on the run's own data: a model folder keeps none of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from recurra.api.evaluation import trained_on
from recurra.errors import DataError, UsageError
from recurra.tasks import registry
from recurra.tasks.abilities import Mixing

if TYPE_CHECKING:
    from recurra.api.run import Run


def mixture_of(run: Run, asked: Any, say: Callable[[str], None] | None = None) -> Any:
    """asked: names of parts, of which a mixture is fitted; what was fitted already is given back.

    Errors: DataError if the data of the run are not there any more, or are others; UnknownNameError; UsageError
    """
    if not isinstance(asked, str | Sequence):
        return asked
    task = registry.get(run.task).task
    if not isinstance(task, Mixing):
        raise UsageError(f"a mixture is one of language models; {run.model.does}")
    parts = asked.split(",") if isinstance(asked, str) else asked
    if run.stored.quantised is not None and {"all", "dynamic"} & set(parts):
        raise UsageError(f"{run.folder} is quantised: weights of 8 bits do not go on learning; mix n-grams,cache")
    try:
        dataset = trained_on(run)
    except DataError as error:
        raise DataError(
            f"a mixture is fitted on the run's data, but {str(error).splitlines()[0]}",
            remedy="restore them, or ask for no mixture",
        ) from error
    return task.mixture(run.model, dataset, asked, say or (lambda _: None))
