"""One call from data to a trained, evaluated, reported model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from recurra import model_folder
from recurra.api import given_data, given_datasets, precision, resuming, sizing, starting, vectors
from recurra.api.budget import about_reading
from recurra.api.ensemble import EnsembleRun, check_ensemble
from recurra.api.learning_curve import check_learning_curve, trained_on_less
from recurra.api.listed_settings import by_name, help_text
from recurra.api.preparation import check_vocabulary, prepare_run, settings_for, size_of
from recurra.api.progress import ProgressLogger, first_line
from recurra.api.run import Run, load
from recurra.api.same_everywhere import check_data, check_folder
from recurra.api.train_settings import TrainSettings
from recurra.api.training_run import TrainingRun, Watching
from recurra.api.writing import check_room
from recurra.errors import UsageError
from recurra.model_folder.claim import claimed, claimed_new
from recurra.tasks.abilities import Concluding
from recurra.tasks.given import options, path
from recurra.tasks.settings import PATHS
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.sources.unlike_text import refuse_unlike_text
from recurra.training.callbacks import Callback, checked_callbacks
from recurra.training.deadline import Deadline
from recurra.training.logs.log import check_log
from recurra.training.processes.alone import Processes
from recurra.training.processes.joining import joined


def train(
    data: Any = None,
    *,
    labels: Any = None,
    task: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    resume: str | Path | None = None,
    start_from: str | Path | None = None,
    callbacks: Sequence[Callback] = (),
    log: str | None = None,
    watch: bool = False,
    learning_curve: bool = False,
    license: str | None = None,
    quiet: bool = False,
    command: str = "",
    begun: float | None = None,
    **settings: Unpack[TrainSettings],
) -> Run:
    """Train a model on a file, a folder, a named data set or data in memory, and write its folder with a report.

    >>> run = recurra.train("reviews.csv", text="review", label="stars", epochs=5)
    >>> run = recurra.train(texts, labels=labels, out="my-run", cell="lstm", lr=1e-3)
    >>> run.predict("a text")

    data: a path or a name; a pandas or polars frame, or a data set of Hugging Face's `datasets` (of its parts train,
    validation and test are taken as such), whose columns `text` and `label` name; a list of texts, with `labels` one
    for each; a list of pairs of a text and its label or translation, or of lists of tokens and of tags.
    task: a name of tasks.registry.TASKS, found from the data if None; out: the model folder, a new one below runs/ if
    None; resume: the folder of a run that was stopped, which goes on as if it had not been, or of a finished one that
    is given more epochs or minutes; then only epochs, minutes and patience may be given. start_from:
    the folder of a run whose weights, vocabulary and settings this one begins with, on the same or other data; new
    classes, tags and attributes are refused, other new tokens are unknown and counted. callbacks: objects that hear of
    steps, evaluations and the end, see `Callback`; begun: when the command did, on time.monotonic, now if None;
    log: "tensorboard" writes curves for it to tensorboard/ beside the model folder, "wandb" and "mlflow" to where these
    are set to write; watch: look at gradients through time, gates, spectral radii and updates on the way, say what is
    wrong, and keep it for `recurra.diagnose`; learning_curve: train on an eighth, a quarter and a half of the data too,
    and show the metric against their size in the report; license: of the weights, for the model's card (README.md), a
    resumed run keeps its own. settings: those listed below, as far as the task reads them.
    Errors: DataError, UsageError, ModelFolderError; DivergedError if the loss stops being a number; StoppedError after
    SIGINT or SIGTERM; CallbackError if one of the callbacks failed. The last three leave a loadable folder if there was
    an evaluation before.
    """
    begun = time.monotonic() if begun is None else begun
    watching = Watching(checked_callbacks(callbacks), _known_log(log), options({"watch": watch})["watch"])
    given = by_name(settings)
    task, curve = options({"task": task})["task"], options({"learning_curve": learning_curve})["learning_curve"]
    if curve and (resume is not None or start_from is not None):
        raise UsageError("learning_curve is of a run that begins anew; leave it out")
    license = options({"license": license})["license"]
    if resume is not None and any(each is not None for each in (data, labels, task, out, start_from, license)):
        raise UsageError("a resumed run keeps its data, task, folder and licence; leave them out")
    if resume is None and data is None:
        raise UsageError("name what to train on: a file, a folder or a data set")
    with joined() as processes:
        first = processes.place.first
        progress = ProgressLogger(quiet=quiet or not first)
        watching = watching if first else Watching([], None)
        if resume is not None:
            if not command:
                progress.log(first_line(None, resume))
            return _resumed(path(resume, "resume"), given, progress, watching, processes)
        beginning = Beginning(data, labels, task, out, overwrite, start_from, command, begun, given, curve, license)
        return _trained(beginning, progress, watching, processes)


@dataclass(frozen=True)
class Beginning:
    """What a new run was asked for, see `train`."""

    data: Any
    labels: Any
    task: str | None
    out: str | Path | None
    overwrite: bool
    start_from: str | Path | None
    command: str
    begun: float
    given: dict[str, Any]
    learning_curve: bool = False
    license: str | None = None


def _trained(asked: Beginning, progress: ProgressLogger, watching: Watching, processes: Processes) -> Run:
    data, task, start_from, command, given = asked.data, asked.task, asked.start_from, asked.command, asked.given
    if not command:  # the command line has logged it before torch was loaded
        progress.log(first_line(data if isinstance(data, (str, Path)) else f"a {type(data).__name__}"))
    for name in PATHS:
        if given.get(name) is not None:
            path(given[name], name)
    with progress.doing("looking at the data"):
        first = None if start_from is None else load(path(start_from, "start_from"))
        shown = data
        if given_datasets.is_parted(data):
            data, parts, left = given_datasets.parts_of(data)
            given = {name: given_data.as_path(each) for name, each in parts.items()} | given
            if left:
                progress.log(f"note: the parts {', '.join(left)} of the data set are left out")
        data = given_data.as_path(data, asked.labels, task if first is None else first.task)
        if first is not None:
            source = starting.source_of(first, data, task, given)
            chosen = starting.settings_for(first, source, given)
        else:
            source = resolve(
                data, task, validation=given.get("validation"), test=given.get("test"), parallel=given.get("parallel")
            )
            if task is None and given.get("text") is None:
                refuse_unlike_text(source)
            chosen = settings_for(source, given)
    chosen = precision.settled(chosen)
    new = Path("runs") / f"{source.name}-{chosen.network.cell}"
    check_ensemble(chosen, watching, begun=first is not None, processes=processes.place.count)
    with _place_for(asked, new, processes) as folder:
        progress.log(f"task {source.task}: {source.why}")
        deadline = Deadline(chosen.training.minutes, asked.begun)
        deadline.phases["start"] = time.monotonic() - asked.begun
        late = partial(about_reading, deadline)
        with progress.doing("reading and encoding the data", late), deadline.phase("reading"):
            if first is None:
                with sizing.bounded(source, chosen, given, deadline, processes, folder) as size:
                    setup = prepare_run(source, chosen, size=size)
            else:
                setup = starting.prepare_from(first, source, chosen)
        if given.get("max_vocabulary") is not None:
            check_vocabulary(setup)
        vectors.start(setup, None if given.get("vectors") is None else Path(given["vectors"]), progress.log)
        more = {
            name: value
            for name, value in (("task", task), ("start_from", start_from), ("license", asked.license))
            if value is not None
        }
        command = command or _as_command(shown, more | asked.given)
        check_data(processes, setup)
        if asked.learning_curve:
            check_learning_curve(
                setup, minutes=chosen.training.minutes, networks=size_of(chosen), processes=processes.place.count
            )
            setup.curve = trained_on_less(setup, progress)
        kind = TrainingRun if size_of(chosen) == 1 else EnsembleRun
        training = kind(setup, folder, progress, command, asked.overwrite, watching, processes)
        deadline.finishing = isinstance(setup.task, Concluding)
        training.deadline = setup.dataset.deadline = deadline
        training.license = asked.license
        training.started_from = None if first is None else first.folder.resolve().name
        if processes.place.first:
            check_room(setup, folder)
        return training.run(None, None)


def _place_for(asked: Beginning, new: Path, processes: Processes) -> AbstractContextManager[Path]:
    """The folder to write, which the first process alone claims."""
    if not processes.place.first:
        return nullcontext(new if asked.out is None else path(asked.out, "out"))
    return claimed_new(new) if asked.out is None else claimed(path(asked.out, "out"), overwrite=asked.overwrite)


train.__doc__ = f"{train.__doc__}\n{help_text()}\n"


def _resumed(
    folder: Path, given: dict[str, Any], progress: ProgressLogger, watching: Watching, processes: Processes
) -> Run:
    model_folder.use(folder, resuming.intact)
    with claimed(folder, overwrite=True, resumed=True) if processes.place.first else nullcontext():
        check_folder(processes, folder)
        return _go_on(folder, given, progress, watching, processes)


def _go_on(
    folder: Path, given: dict[str, Any], progress: ProgressLogger, watching: Watching, processes: Processes
) -> Run:
    with progress.doing("reading and encoding the data"):
        stopped = resuming.stopped_run(folder, given)
    counters = stopped.checkpoint.counters
    check_data(processes, stopped.setup)
    training = TrainingRun(stopped.setup, folder, progress, stopped.config.command, True, watching, processes)
    training.created, training.finished_before = stopped.config.created, stopped.finished_before
    training.started_from, training.license = stopped.config.started_from, stopped.config.license
    settings = stopped.setup.settings.training
    other = resuming.differences(stopped.config, stopped.versions, training.engine, settings)
    stopped.setup.dataset.notes += [*stopped.notes, *([other] if other is not None else [])]
    progress.log(f"resumed at epoch {counters.epoch}, step {counters.step}")
    return training.run(stopped.checkpoint, stopped.baselines)


def _as_command(data: Any, settings: dict[str, Any]) -> str:
    given = [f"{k}={v!r}" for k, v in settings.items()]
    count = f" of {len(data):,}" if hasattr(data, "__len__") else ""
    shown = repr(str(data)) if isinstance(data, (str, Path)) else f"<{type(data).__name__}{count}>"
    return f"recurra.train({', '.join([shown, *given])})"


def _known_log(log: str | None) -> str | None:
    if log is not None:
        check_log(str(log))
    return log
