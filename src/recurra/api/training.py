"""One call from data to a trained, evaluated, reported model."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import json
import shlex
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import torch

from recurra import model_folder
from recurra.api import given_data, provenance, resuming, starting, vectors
from recurra.api.listed_settings import by_name, help_text
from recurra.api.preparation import check_vocabulary, engine_of, prepare_run, settings_for
from recurra.api.progress import ProgressLogger, describe_scores, first_line
from recurra.api.record import build_record
from recurra.api.run import Run, load
from recurra.api.setup import Setup
from recurra.api.train_settings import TrainSettings
from recurra.api.verdict import Verdict, advice, verdict
from recurra.cells.catalogue import get
from recurra.engines.native import library
from recurra.errors import CallbackError, DivergedError, StoppedError, UsageError
from recurra.model_folder.claim import claimed, claimed_new
from recurra.report import fonts
from recurra.report.build import build_report
from recurra.report.record import Baseline
from recurra.tasks.given import options, path
from recurra.tasks.settings import PATHS
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.sources.unlike_text import refuse_unlike_text
from recurra.topologies.settings import TwoWaySettings
from recurra.training.callbacks import Callback, Ending, Watchers, checked_callbacks
from recurra.training.checkpoint import Checkpoint, Counters, weights_of
from recurra.training.divergence import never_learned
from recurra.training.fit import Outcome, fit
from recurra.training.history import csv_of
from recurra.training.logs.log import Logged, check_log, open_log
from recurra.training.signals import Interrupted, StopRequest, number_of

REPORT = "report.html"
RECORD = "report.json"
"""What the report shows, as `RunRecord.to_json`: it is drawn again from this, without training again."""
STYLES = {"better": "bold green", "equal": "bold yellow", "worse": "bold red"}
"""How a verdict looks on a terminal."""


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
    quiet: bool = False,
    command: str = "",
    **settings: Unpack[TrainSettings],
) -> Run:
    """Train a model on a file, a folder, a named data set or data in memory, and write its folder with a report.

    >>> run = recurra.train("reviews.csv", text="review", label="stars", epochs=5)
    >>> run = recurra.train(texts, labels=labels, out="my-run", cell="lstm", lr=1e-3)
    >>> run.predict("a text")

    data: a path or a name; a pandas or polars frame, whose columns `text` and `label` name; a list of texts, with
    `labels` one for each; a list of pairs of a text and its label or translation, or of lists of tokens and of tags.
    task: a name of tasks.registry.TASKS, found from the data if None; out: the model folder, a new one below runs/ if
    None; resume: the folder of a run that was stopped, which goes on as if it had not been, or of a finished one that
    is given more epochs or minutes; then only epochs, minutes and patience may be given. start_from:
    the folder of a run whose weights, vocabulary and settings this one begins with, on the same or other data; new
    classes, tags and attributes are refused, other new tokens are unknown and counted. callbacks: objects that hear of
    steps, evaluations and the end, see `Callback`; log: "tensorboard" writes curves for it to tensorboard/ beside the
    model folder, "wandb" and "mlflow" to where these are set to write. settings: those listed below, as far as the
    task reads them.
    Errors: DataError, UsageError, ModelFolderError; DivergedError if the loss stops being a number; StoppedError after
    SIGINT or SIGTERM; CallbackError if one of the callbacks failed. The last three leave a loadable folder if there was
    an evaluation before.
    """
    watching = _Watching(checked_callbacks(callbacks), _known_log(log))
    given = by_name(settings)
    task = options({"task": task})["task"]
    if resume is not None:
        if any(each is not None for each in (data, labels, task, out, start_from)):
            raise UsageError("a resumed run keeps its data, task and folder; leave them out")
        progress = ProgressLogger(quiet=quiet)
        if not command:
            progress.log(first_line(None, resume))
        return _resumed(path(resume, "resume"), given, progress, watching)
    if data is None:
        raise UsageError("name what to train on: a file, a folder or a data set")
    progress = ProgressLogger(quiet=quiet)
    if not command:  # the command line has logged it before torch was loaded
        progress.log(first_line(data if isinstance(data, (str, Path)) else f"a {type(data).__name__}"))
    for name in PATHS:
        if given.get(name) is not None:
            path(given[name], name)
    with progress.doing("looking at the data"):
        first = None if start_from is None else load(path(start_from, "start_from"))
        shown, data = data, given_data.as_path(data, labels, task if first is None else first.task)
        if first is not None:
            source = starting.source_of(first, data, task, given)
            chosen = starting.settings_for(first, source, given)
        else:
            source = resolve(data, task, validation=given.get("validation"), test=given.get("test"),
                             parallel=given.get("parallel"))  # fmt: skip
            if task is None and given.get("text") is None:
                refuse_unlike_text(source)
            chosen = settings_for(source, given)
    new = Path("runs") / f"{source.name}-{chosen.network.cell}"
    with claimed_new(new) if out is None else claimed(path(out, "out"), overwrite=overwrite) as folder:
        progress.log(f"task {source.task}: {source.why}")
        with progress.doing("reading and encoding the data"):
            setup = prepare_run(source, chosen) if first is None else starting.prepare_from(first, source, chosen)
        if given.get("max_vocabulary") is not None:
            check_vocabulary(setup)
        vectors.start(setup, None if given.get("vectors") is None else Path(given["vectors"]), progress.log)
        more = {name: value for name, value in (("task", task), ("start_from", start_from)) if value is not None}
        command = command or _as_command(shown, more | given)
        training = _Training(setup, folder, progress, command, overwrite, watching)
        training.started_from = None if first is None else first.folder.resolve().name
        return training.run(None, None)


train.__doc__ = f"{train.__doc__}\n{help_text()}\n"


def _resumed(folder: Path, given: dict[str, Any], progress: ProgressLogger, watching: _Watching) -> Run:
    model_folder.use(folder, resuming.intact)
    with claimed(folder, overwrite=True, resumed=True):
        return _go_on(folder, given, progress, watching)


def _go_on(folder: Path, given: dict[str, Any], progress: ProgressLogger, watching: _Watching) -> Run:
    with progress.doing("reading and encoding the data"):
        stopped = resuming.stopped_run(folder, given)
    counters = stopped.checkpoint.counters
    training = _Training(stopped.setup, folder, progress, stopped.config.command, True, watching)
    training.created, training.finished_before = stopped.config.created, stopped.finished_before
    training.started_from = stopped.config.started_from
    settings = stopped.setup.settings.training
    other = resuming.differences(stopped.config, stopped.versions, training.engine, settings)
    stopped.setup.dataset.notes += [*stopped.notes, *([other] if other is not None else [])]
    progress.log(f"resumed at epoch {counters.epoch}, step {counters.step}")
    return training.run(stopped.checkpoint, stopped.baselines)


def _as_command(data: Any, settings: dict[str, Any]) -> str:
    given = [f"{k}={v!r}" for k, v in settings.items()]
    shown = repr(str(data)) if isinstance(data, (str, Path)) else f"<{type(data).__name__} of {len(data):,}>"
    return f"recurra.train({', '.join([shown, *given])})"


@dataclass(frozen=True)
class _Watching:
    """Who hears of a run besides the terminal."""

    callbacks: list[Any]
    log: str | None

    def of_run(self, progress: ProgressLogger, run: Logged) -> Watchers:
        """Errors: UsageError if the log cannot be opened"""
        more = [] if self.log is None else [open_log(self.log, run)]
        return Watchers(progress, [*self.callbacks, *more])


def _known_log(log: str | None) -> str | None:
    if log is not None:
        check_log(str(log))
    return log


class _Training:
    """One run from a dataset to its folder."""

    def __init__(
        self, setup: Setup, folder: Path, progress: ProgressLogger, command: str, overwrite: bool, watching: _Watching
    ) -> None:
        self.setup, self.dataset, self.folder = setup, setup.dataset, folder
        self.progress, self.command = progress, command
        self.overwrite, self.watching = overwrite, watching
        self.created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.network = setup.network
        self.engine = engine_of(setup.settings.network)
        self.baselines: list[Baseline] = []
        self.finished_before: list[float] = []
        self.started_from: str | None = None
        self.written = self.finished = False

    def run(self, resume: Checkpoint | None, baselines: list[Baseline] | None) -> Run:
        self._introduce()
        with self.progress.doing("fitting the baselines"):
            held_out = self.dataset.held_out
            self.baselines = self.setup.task.baselines(self.dataset, held_out) if baselines is None else baselines
        self._tell_baselines()
        self.progress.unit = self.setup.trainee.unit
        self.progress.metrics = self.dataset.metrics
        last: list[Checkpoint] = [] if resume is None else [resume]

        def save(checkpoint: Checkpoint) -> None:
            last[:] = [*last[-1:], checkpoint]
            self._write("running", *reversed(last))

        watchers = self.watching.of_run(self.progress, self._logged(0 if resume is None else resume.counters.step))
        try:
            outcome = self._fitted(save, resume, last, watchers)
            if outcome.signal is not None:
                raise Interrupted(outcome.signal)
            run = self._finished(outcome, last[-1])
        except KeyboardInterrupt as interruption:
            if not last:
                raise
            stopped = self._stopped(number_of(interruption), last)
            watchers.end(Ending("finished" if self.finished else "stopped", self.folder))
            raise stopped from None
        try:
            watchers.end(Ending("finished", run.folder, dict(run.metrics["metrics"])))
        except CallbackError as error:
            raise CallbackError(f"{error}; {self.folder} holds the finished run") from error.__cause__
        return run

    def _logged(self, begun: int) -> Logged:
        """begun: steps that a resumed run has done already"""
        groups = self.dataset.settings.to_json().items()
        settings = {f"{group}.{name}": value for group, values in groups for name, value in values.items()}
        settings |= {"task": self.dataset.source.task, "on": self.dataset.source.name}
        key = hashlib.sha256(f"{self.created} {self.folder.resolve().name}".encode()).hexdigest()[:12]
        return Logged(self.folder, key, begun, settings, self.progress.quiet)

    def _fitted(
        self, save: Callable[[Checkpoint], None], resume: Checkpoint | None, last: list[Checkpoint], watchers: Watchers
    ) -> Outcome:
        try:
            return fit(self.setup.trainee, self.dataset.settings.training, progress=watchers, save=save, resume=resume)
        except CallbackError as error:
            self._write("stopped", *reversed(last))
            watchers.end(Ending("stopped", self.folder))
            remedy = f"{self.folder} holds the best weights so far; {self._go_on_with()}"
            raise CallbackError(f"{error}\n{remedy}") from error.__cause__
        except DivergedError as error:
            if last:
                self._write("diverged", *reversed(last))
                watchers.end(Ending("diverged", self.folder))
                raise DivergedError(f"{error}; {self.folder} holds the best weights before that") from None
            raise
        finally:
            self.progress.close()

    def _stopped(self, number: int, last: list[Checkpoint]) -> StoppedError:
        """What to raise; a run that was evaluated is finished, and nothing is written."""
        name = signal.Signals(number).name
        if self.finished:
            return StoppedError(f"stopped by {name} when all was done; {self.folder} holds the finished run", number)
        with StopRequest():
            self._write("stopped", *reversed(last))
        remedy = self._go_on_with()
        return StoppedError(f"stopped by {name}; {self.folder} holds the best weights so far\n{remedy}", number)

    def _go_on_with(self) -> str:
        return f"go on with: recurra train --resume {shlex.quote(str(self.folder))}"

    def _finished(self, outcome: Outcome, end: Checkpoint) -> Run:
        self.network.load_state_dict(outcome.best)
        bad = never_learned(outcome.counters, self.dataset.settings.training)
        if bad is not None:
            self.dataset.notes.append(bad)
            self.progress.warn(bad)
        else:
            with self.progress.doing("finishing the model"):
                self._log_notes(self.setup.conclude())
        with self.progress.doing(f"evaluating on the {self.dataset.evaluated_on} part"):
            dataset, task = self.dataset, self.setup.task
            evaluation = task.evaluate(self.setup.model(), dataset.held_out, dataset.settings)
            evaluation = replace(evaluation, concluded=self.setup.concluded)
        scores = evaluation.scores
        found = verdict(scores, self.dataset.metrics, self.baselines)
        hint = None if bad is not None else advice(  # for a run that never learned there is a warning already
            outcome.counters.points, outcome.counters.seconds, outcome.ended, None if found is None else found.outcome
        )  # fmt: skip
        extra = resuming.files_of(end, None) | {resuming.METRICS_CSV: csv_of(outcome.counters.points)}
        with self.progress.doing("writing the report"):
            record = build_record(
                self.setup, evaluation, self.baselines, outcome.counters, ended=outcome.ended, command=self.command,
                created=self.created, engine=self.engine, looked_before=bool(self.finished_before),
                versions={"recurra": importlib.metadata.version("recurra"), "torch": str(torch.__version__)},
            )  # fmt: skip
            record = replace(record, verdict=None if found is None else found.for_report(), hint=hint or "")
            if (missing := fonts.note(record)) is not None:
                record.notes.append(missing)
                self.progress.log(f"note: {missing}")
            extra[REPORT] = build_report(record).encode()
        extra[RECORD] = json.dumps(record.to_json(), allow_nan=False).encode()
        metrics = self._metrics("finished", outcome.counters, scores) | {"ended": outcome.ended}
        with StopRequest() as stop:
            model_folder.write(
                self.folder, config=self._config(), preprocessing=self.dataset.preprocessor.to_json(),
                weights=weights_of(self.network), metrics=metrics, extra=extra,
                overwrite=self.overwrite or self.written,
            )  # fmt: skip
            self.finished = True
        if stop.received is not None:
            raise Interrupted(stop.received)
        run = load(self.folder)
        self._log_end(run, scores, found, hint)
        return run

    def _log_notes(self, notes: Sequence[str]) -> None:
        self.dataset.notes += notes
        for note in notes:
            self.progress.log(f"note: {note}")

    def _log_end(self, run: Run, scores: dict[str, float], found: Verdict | None, hint: str | None) -> None:
        """The last lines: scores, the verdict, what would help, what to do with the model."""
        self.progress.log(f"{self.dataset.evaluated_on}: {describe_scores(scores, self.dataset.metrics)}")
        if found is not None:
            self.progress.log(f"verdict: {found.words}", style=STYLES[found.outcome])
        if hint is not None:
            self.progress.log(f"hint: {hint}", style="yellow")
        for line in run.model.commands(shlex.quote(str(self.folder))):
            self.progress.log(f"try: recurra {line}")
        self.progress.log(f"report: {self.folder / REPORT}")

    def _write(self, status: str, checkpoint: Checkpoint, previous: Checkpoint | None = None) -> None:
        model_folder.write(
            self.folder, config=self._config(), preprocessing=self.dataset.preprocessor.to_json(),
            weights=checkpoint.best, metrics=self._metrics(status, checkpoint.counters, None),
            extra=resuming.files_of(checkpoint, previous) | {resuming.METRICS_CSV: csv_of(checkpoint.counters.points)},
            overwrite=self.overwrite or self.written,
        )  # fmt: skip
        self.written = True

    def _config(self) -> dict[str, Any]:
        dataset = self.dataset
        cell = dataset.settings.network.cell
        return {
            "task": dataset.source.task,
            "name": dataset.source.name,
            "command": self.command,
            "created": self.created,
            "cell_fingerprint": get(cell).program().fingerprint,
            "settings": dataset.settings.to_json(),
            "source": provenance.to_json(dataset.source, self.folder),
            "data": dataset.facts,
            "vectors": self.setup.vectors,
            "concluded": self.setup.concluded,
            "notes": dataset.notes,
            "engine": self.engine,
            "started_from": self.started_from,
            "finished_before": self.finished_before,
            "environment": resuming.environment_of(self.engine, dataset.settings.training.device).model_dump(),
        }

    def _metrics(self, status: str, counters: Counters, scores: dict[str, float] | None) -> dict[str, Any]:
        return {
            "status": status,
            "evaluated_on": self.dataset.evaluated_on,
            "metrics": scores,
            "baselines": [vars(r) for r in self.baselines],
            "history": counters.to_json()["points"],
            "best": counters.best_point,
            "seconds": counters.seconds,
            "parameters": sum(p.numel() for p in self.network.parameters()),
        }

    def _introduce(self) -> None:
        facts, network = self.dataset.facts, self.dataset.settings.network
        parts = " · ".join(f"{count:,} {part}" for part, count in facts["counts"].items() if count)
        vocabulary = f"; vocabulary {facts['vocabulary_size']:,}" if "vocabulary_size" in facts else ""
        self.progress.log(f"{facts['unit']}: {parts}{vocabulary}")
        for note in self.dataset.notes:
            self.progress.log(f"note: {note}")
        two_way = isinstance(network, TwoWaySettings) and network.bidirectional
        shape = f"{network.num_layers} x {network.hidden_size}" + (" x 2 directions" if two_way else "")
        count = sum(p.numel() for p in self.network.parameters())
        self.progress.log(
            f"{network.cell} {shape}: {count:,} parameters; engine {self.engine}, {torch.get_num_threads()} threads"
        )
        if self.engine == "native" or network.engine != "auto" or _on_cuda(self.dataset.settings.training.device):
            return
        if (missing := library.why_missing()) is not None:
            self.progress.log(f"note: training is slower without the native engine: {missing}")

    def _tell_baselines(self) -> None:
        for baseline in self.baselines:
            self.progress.log(f"baseline: {baseline.name}: {describe_scores(baseline.metrics, self.dataset.metrics)}")


def _on_cuda(device: str) -> bool:
    return device == "cuda" or (device == "auto" and torch.cuda.is_available())
