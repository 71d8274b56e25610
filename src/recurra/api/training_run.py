"""One run from a dataset to its folder: fitted, stopped or finished, evaluated, reported."""

from __future__ import annotations

import datetime
import hashlib
import json
import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra import model_folder
from recurra.api import provenance, resuming
from recurra.api.budget import about_validation, evaluation_within, fitted_baselines, settings_of_training
from recurra.api.introduction import introduce
from recurra.api.preparation import engine_of
from recurra.api.progress import ProgressLogger, describe_scores
from recurra.api.record import VERSIONS, build_record, build_report, how_it_ended
from recurra.api.run import Run, load
from recurra.api.same_everywhere import can_be_resumed, finished_elsewhere, mark
from recurra.api.setup import Setup
from recurra.api.states import States, Weights
from recurra.api.verdict import Verdict, about_average, advice, verdict
from recurra.api.writing import writing_within
from recurra.cells.catalogue import get
from recurra.errors import CallbackError, DivergedError, RankError, StoppedError
from recurra.model_folder import Content
from recurra.report.model_card import CARD, model_card
from recurra.report.record import Baseline
from recurra.tasks import registry
from recurra.training.callbacks import Ending, Watchers
from recurra.training.checkpoint import Checkpoint, Counters, weights_of
from recurra.training.deadline import Deadline
from recurra.training.divergence import never_learned
from recurra.training.fit import Outcome, fit
from recurra.training.history import csv_of
from recurra.training.logs.log import Logged, open_log
from recurra.training.processes.alone import ALONE, Processes
from recurra.training.processes.joining import wait_for_first
from recurra.training.settings import TrainingSettings
from recurra.training.signals import Interrupted, StopRequest, number_of
from recurra.training.watch.observer import NOBODY

if TYPE_CHECKING:
    from recurra.training.watch.record import Look, Watched
    from recurra.training.watch.watch import Watch

REPORT = "report.html"
RECORD = "report.json"
"""What the report shows, as `RunRecord.to_json`: it is drawn again from this, without training again."""
STYLES = {"better": "bold green", "equal": "bold yellow", "worse": "bold red"}
"""How a verdict looks on a terminal."""


@dataclass(frozen=True)
class Watching:
    """Who hears of a run besides the terminal."""

    callbacks: list[Any]
    log: str | None
    closely: bool = False
    """Whether its gradients, gates and updates are looked at, see training.watch."""

    def of_run(self, progress: ProgressLogger, run: Logged) -> Watchers:
        """Errors: UsageError if the log cannot be opened"""
        more = [] if self.log is None else [open_log(self.log, run)]
        return Watchers(progress, [*self.callbacks, *more])


class TrainingRun:
    """One run from a dataset to its folder."""

    def __init__(
        self,
        setup: Setup,
        folder: Path,
        progress: ProgressLogger,
        command: str,
        overwrite: bool,
        watching: Watching,
        processes: Processes = ALONE,
    ) -> None:
        self.setup, self.dataset, self.folder = setup, setup.dataset, folder
        self.progress, self.command = progress, command
        self.overwrite, self.watching, self.processes = overwrite, watching, processes
        self.created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.network = setup.network
        self.engine = engine_of(setup.settings.network)
        self.watch = self._watch() if watching.closely else None
        self.baselines: list[Baseline] = []
        self.finished_before: list[float] = []
        self.started_from: str | None = None
        self.license: str | None = None
        self.deadline, self.states = Deadline(None), States()
        self.finished = False

    def run(self, resume: Checkpoint | None, baselines: list[Baseline] | None) -> Run:
        introduce(self.setup, self.engine, self.progress, self.processes)
        if not self.processes.place.first:
            return self._beside(resume)
        self._begin(baselines)
        mark(self.processes)
        self.states = States(resume)

        def save(checkpoint: Checkpoint) -> None:
            self.states.add(checkpoint)
            with self.progress.writing():
                self._write("running")

        watchers = self.watching.of_run(self.progress, self._logged(0 if resume is None else resume.counters.step))
        try:
            outcome = self._fitted(save, resume, watchers)
            if outcome.signal is not None:
                raise Interrupted(outcome.signal)
            run = self._finished(outcome)
        except KeyboardInterrupt as interruption:
            if self.states.counters is None:
                raise
            stopped = self._stopped(number_of(interruption))
            watchers.end(Ending("finished" if self.finished else "stopped", self.folder))
            raise stopped from None
        try:
            watchers.end(Ending("finished", run.folder, dict(run.metrics["metrics"])))
        except CallbackError as error:
            raise CallbackError(f"{error}; {self.folder} holds the finished run") from error.__cause__
        mark(self.processes, self.folder)
        return run

    def _beside(self, resume: Checkpoint | None) -> Run:
        """As `run`, in a process that is not the first: it trains and evaluates with it, and writes nothing."""
        wait_for_first(self.processes, 1)
        settings, writing = self._training_settings(resume)
        outcome = fit(self.setup.trainee, settings, resume=resume, processes=self.processes, writing=writing)
        if outcome.signal is not None:
            raise StoppedError("stopped with process 0", outcome.signal)
        return finished_elsewhere(self.processes)

    def _begin(self, baselines: list[Baseline] | None) -> None:
        """Until the first step. baselines: those of a run that goes on"""
        if (count := self.processes.place.count) > 1:
            self.dataset.notes.append(f"trained in {count} processes, which divided each batch")
        with self.progress.doing("fitting the baselines"), self.deadline.phase("baselines"):
            found = (baselines, []) if baselines is not None else fitted_baselines(self.setup, self.deadline)
        self.baselines = found[0]
        self._log_baselines()
        self._log_notes(found[1])
        self.progress.unit = self.setup.trainee.unit
        self.progress.metrics = self.dataset.metrics

    def _training_settings(self, resume: Checkpoint | None) -> tuple[TrainingSettings, float]:
        """With how many seconds it takes to write the run once."""
        resumed = resume is not None
        settings, notes = settings_of_training(self.setup, self.deadline, resumed=resumed)
        writing = writing_within(self.setup, settings.minutes, self.folder, resumed=resumed)
        self.states.bare = writing.bare
        self._log_notes([*notes, *writing.notes])
        return self.processes.from_first((settings, writing.seconds))

    def _logged(self, begun: int) -> Logged:
        """begun: steps that a resumed run has done already"""
        groups = self.dataset.settings.to_json().items()
        settings = {f"{group}.{name}": value for group, values in groups for name, value in values.items()}
        settings |= {"task": self.dataset.source.task, "on": self.dataset.source.name}
        key = hashlib.sha256(f"{self.created} {self.folder.resolve().name}".encode()).hexdigest()[:12]
        return Logged(self.folder, key, begun, settings, self.progress.quiet)

    def _fitted(self, save: Callable[[Checkpoint], None], resume: Checkpoint | None, watchers: Watchers) -> Outcome:
        settings, writing = self._training_settings(resume)
        try:
            with self.deadline.phase("training"), self.progress.training():
                return fit(
                    self.setup.trainee,
                    settings,
                    progress=watchers,
                    save=save,
                    resume=resume,
                    processes=self.processes,
                    observer=self.watch or NOBODY,
                    writing=writing,
                )
        except RankError as error:
            rest = f"\n{self._holds_the_last()}" if self.states.counters else ""
            raise RankError(f"{error}{rest}", error.exit_code) from error
        except CallbackError as error:
            self._write("stopped")
            watchers.end(Ending("stopped", self.folder))
            remedy = f"{self.folder} holds the best weights so far; {self._go_on_with()}"
            raise CallbackError(f"{error}\n{remedy}") from error.__cause__
        except DivergedError as error:
            self._log_diagnosis(self.states.counters or Counters())
            if self.states.counters:
                self._write("diverged")
                watchers.end(Ending("diverged", self.folder))
                raise DivergedError(f"{error}; {self.folder} holds the best weights before that") from None
            raise
        finally:
            self.progress.close()

    def _stopped(self, number: int) -> StoppedError:
        """What to raise; a run that was evaluated is finished, and nothing is written."""
        name = signal.Signals(number).name
        if self.finished:
            return StoppedError(f"stopped by {name} when all was done; {self.folder} holds the finished run", number)
        with StopRequest():
            self._write("stopped")
        remedy = self._go_on_with()
        return StoppedError(f"stopped by {name}; {self.folder} holds the best weights so far\n{remedy}", number)

    def _go_on_with(self) -> str:
        if self.states.bare:
            return "it kept no training state to go on from"
        return f"go on with: recurra train --resume {shlex.quote(str(self.folder))}"

    def _holds_the_last(self) -> str:
        return f"{self.folder} holds the last evaluation; {self._go_on_with()}"

    def _finished(self, outcome: Outcome) -> Run:
        self.network.load_state_dict(outcome.best)
        if outcome.ended in ("patience", "callback"):
            self.progress.log(how_it_ended(outcome.ended, self.dataset.settings.training))
        bad = never_learned(outcome.counters, self.dataset.settings.training)
        if bad is not None:
            self.dataset.notes.append(bad)
            self.progress.warn(bad)
        else:
            self._log_notes(about_average(outcome.counters))
            self._log_notes(about_validation(self.setup, outcome.counters))
            with self.progress.doing("finishing the model"), self.deadline.phase("finishing"):
                self._log_notes(self.setup.conclude())
        with (
            self.progress.doing(f"evaluating on the {self.dataset.evaluated_on} part"),
            self.deadline.phase("evaluation"),
        ):
            part, evaluation, notes = evaluation_within(self.setup, self.deadline, outcome, self.folder)
            self._log_notes(notes)
            evaluation = replace(evaluation, concluded=self.setup.concluded)
        scores = evaluation.scores
        found = verdict(scores, self.dataset.metrics, self.baselines)
        hint = None  # for a run that never learned there is a warning already
        if bad is None:
            ahead = None if found is None else found.outcome
            hint = advice(outcome.counters.points, outcome.counters.seconds, outcome.ended, ahead)
        extra = self.states.newest()
        extra[resuming.METRICS_CSV] = csv_of(outcome.counters.points)
        if self.deadline.phases:
            self.dataset.notes.append(f"time: {self.deadline.shown()}")
        with self.progress.doing("writing the report"), self.deadline.phase("report"):
            record = build_record(
                self.setup,
                part,
                evaluation,
                self.baselines,
                outcome.counters,
                ended=outcome.ended,
                command=self.command,
                created=self.created,
                engine=self.engine,
                looked_before=bool(self.finished_before),
                watched=None if self.watch is None else self.watch.seen,
            )
            record = replace(record, verdict=None if found is None else found.for_report(), hint=hint or "")
            from recurra.report import fonts  # with all that draws, for which a training does not wait

            if (missing := fonts.note(record)) is not None:
                record.notes.append(missing)
                self.progress.log(f"note: {missing}")
            extra[REPORT] = build_report(record).encode()
        extra |= self._watched() | {RECORD: json.dumps(record.to_json(), allow_nan=False).encode()}
        metrics = self._metrics("finished", outcome.counters, scores) | {"ended": outcome.ended}
        with self.progress.writing(), self.deadline.phase("writing"), StopRequest() as stop:
            self._put(weights_of(self.network), metrics, extra)
            self.finished = True
            run = load(self.folder)
        if stop.received is not None:
            raise Interrupted(stop.received)
        self._log_diagnosis(outcome.counters)
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
        if self.deadline.set:
            self.progress.log(f"time: {self.deadline.shown()}")
        self.progress.log(f"report: {self.folder / REPORT}")

    def _write(self, status: str) -> None:
        counters = self.states.counters or Counters()
        extra = self.states.files() | {resuming.METRICS_CSV: csv_of(counters.points)}
        self._put(self.states.weights(), self._metrics(status, counters, None), extra | self._watched())
        self.states.written()
        can_be_resumed(self.processes, self._holds_the_last())

    def _put(self, weights: Weights, metrics: dict[str, Any], extra: Mapping[str, Content]) -> None:
        """Write the folder, with its card."""
        config, title = self._config(), registry.get(self.dataset.source.task).title
        more = {**extra, CARD: model_card(config, metrics, self.dataset.metrics, title, VERSIONS)}
        kept, overwrite = self.dataset.preprocessor.to_json(), self.overwrite or self.states.in_folder > 0
        model_folder.write(
            self.folder,
            config=config,
            preprocessing=kept,
            weights=weights,
            metrics=metrics,
            extra=more,
            overwrite=overwrite,
        )

    def _watch(self) -> Watch:
        from recurra.training.watch.watch import Watch

        return Watch(self.setup.settings.training, say=self._say_look)

    def _watched(self) -> dict[str, bytes]:
        if self.watch is None:
            return {}
        from recurra.training.watch.record import WATCHED

        return {WATCHED: json.dumps(self.watch.seen.to_json(), allow_nan=False).encode()}

    def _say_look(self, look: Look, seen: Watched) -> None:
        self.progress.log(f"watch: {look.words()}, {seen.clipped / max(seen.steps, 1):.0%} of the steps clipped")

    def _log_diagnosis(self, counters: Counters) -> None:
        if self.watch is not None:
            from recurra.api.diagnosing import conclusion

            found = conclusion(self.setup, self.watch.seen, counters.points, counters.untrained_loss)
            for line in found.text().splitlines():
                self.progress.log(f"watch: {line}")

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
            "license": self.license,
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

    def _log_baselines(self) -> None:
        for baseline in self.baselines:
            self.progress.log(f"baseline: {baseline.name}: {describe_scores(baseline.metrics, self.dataset.metrics)}")
