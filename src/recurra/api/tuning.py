"""Settings that a validation part likes: trials chosen by optuna, the best of them trained and evaluated as a run."""

from __future__ import annotations

import importlib.util
import math
import os
import shlex
import signal
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from recurra.api import given_data, precision, vectors
from recurra.api.listed_settings import by_name
from recurra.api.preparation import prepare_run, settings_for, size_of
from recurra.api.progress import ProgressLogger
from recurra.api.run import Run
from recurra.api.search_space import drawn, varied
from recurra.api.setup import Setup
from recurra.api.training import train
from recurra.api.trials import STEPS, PrunedError, TimeOverError, Trial, WatchedTrial, command_of, csv_of, words
from recurra.errors import DataError, DivergedError, ModelFolderError, StoppedError, UsageError
from recurra.locks import HeldError, acquire
from recurra.tasks.abilities import Sizing
from recurra.tasks.given import path, plain
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.sources.source import Source
from recurra.tasks.sources.unlike_text import refuse_unlike_text
from recurra.training.fit import fit
from recurra.training.signals import StopRequest

if TYPE_CHECKING:
    import optuna

STUDY, TABLE, BEST = "study.jsonl", "trials.csv", "best"
"""In the folder: every trial as optuna's journal keeps it, the same as a table, the model folder of the best."""
FOR_TRIALS = 0.7
"""Of the minutes; the rest is for the best settings, trained anew, evaluated and reported."""
LEAST = 1.0
"""Seconds of a trial, however little is left."""
FIRST, BEFORE_PRUNING = 6, 4
"""Trials that are drawn at random, and that are finished before others are compared with them on the way."""
MISSING = "recurra tune needs optuna: pip install 'recurra[tune]'"


@dataclass(frozen=True)
class Tuned:
    """What `tune` found. trials: in the order they were made; best: the number of the best; command: repeats its run"""

    folder: Path
    trials: list[Trial]
    best: int
    run: Run
    command: str

    def document(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "folder": str(self.folder),
            "run": str(self.run.folder),
            "task": self.run.task,
            "evaluated_on": self.run.metrics["evaluated_on"],
            "metrics": self.run.metrics["metrics"],
            "best": self.best + 1,
            "command": self.command,
            "trials": [{"trial": each.number + 1, **each.kept()} for each in self.trials],
        }


def tune(
    data: Any = None,
    *,
    trials: int = 20,
    labels: Any = None,
    task: str | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    vary: Sequence[str] | None = None,
    quiet: bool = False,
    begun: float | None = None,
    **settings: Any,
) -> Tuned:
    """Look for settings that the validation part likes, and leave the best of them as a run.

    >>> found = recurra.api.tuning.tune("reviews.csv", trials=30, text="review", label="stars")
    >>> found.run.predict("a text"), found.command

    Each trial is a training whose settings optuna chooses by the earlier ones (TPE); the first has the task's own. One
    that is worse than half of the others were at the same moment is pruned. The held-out part is looked at once, by
    the best settings, which are trained anew with the same seed, evaluated and reported. data, labels, task, settings:
    as for `recurra.train`; what is given stays as it is. trials: how many; of a resumed study all of them together.
    vary: names of `search_space.SPACE`, the usual ones if None. minutes: of all together; without epochs each trial
    gets an equal share of them. out: a folder that is not there, below runs/ if None; resume: that of a study which
    was stopped, with all it was given.
    Errors: UsageError; DataError, also for data that changed since; DivergedError if every trial diverged;
    StoppedError after a signal, the trials so far are kept
    """
    begun = time.monotonic() if begun is None else begun
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
        raise UsageError(f"trials must be a whole number of at least 1, got {trials!r}")
    if importlib.util.find_spec("optuna") is None:
        raise UsageError(MISSING)
    given = by_name(settings)
    progress = ProgressLogger(quiet=quiet)
    if resume is not None:
        more = {name for name in given if name != "minutes"}
        if any(each is not None for each in (data, labels, task, out, vary)) or more:
            raise UsageError("a resumed study keeps its data, task, folder and settings; give trials and minutes alone")
        folder, asked = path(resume, "resume"), _stored(path(resume, "resume"))
        stored = {name: tuple(value) if isinstance(value, list) else value for name, value in asked["settings"].items()}
        given = stored | given
        study = Study(folder, Path(asked["data"]), asked["task"], given, asked["vary"], progress)
    else:
        if data is None:
            raise UsageError("name what to train on: a file, a folder or a data set")
        place = given_data.as_path(data, labels, task)
        folder = _new(place, out)
        study = Study(folder, place, task, given, vary, progress)
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = acquire(folder / STUDY)
    except HeldError as error:
        raise UsageError(f"{folder} is being tuned by another process; wait for it") from error
    with lock, _taken_away_if_empty(folder, made):
        study.open(resumed=resume is not None)
        return study.run(trials, begun)


@contextmanager
def _taken_away_if_empty(folder: Path, made: bool) -> Iterator[None]:
    try:
        yield
    finally:
        if made and not any(each.name != f".{STUDY}.lock" for each in folder.iterdir()):
            for each in folder.iterdir():
                each.unlink()
            folder.rmdir()


def _new(data: Path, out: str | Path | None) -> Path:
    if out is None:
        name = Path("runs") / f"{data.name.partition('.')[0] or 'data'}-tuned"
        numbered = (name if number == 1 else name.with_name(f"{name.name}-{number}") for number in range(1, 10_000))
        return next(each for each in numbered if not each.exists())
    folder = path(out, "out")
    if folder.exists():
        hint = f"go on with --resume {shlex.quote(str(folder))}" if (folder / STUDY).is_file() else "choose another"
        raise UsageError(f"{folder} already exists; {hint}")
    return folder


def _stored(folder: Path) -> dict[str, Any]:
    """What a study was asked for. Errors: UsageError, ModelFolderError"""
    if not (folder / STUDY).is_file():
        raise UsageError(f"{folder} holds no study; {STUDY} is missing")
    found: Any = _opened(folder, create=False).user_attrs.get("asked")
    if not isinstance(found, dict) or not found.keys() >= {"data", "task", "settings", "vary", "training_part"}:
        raise ModelFolderError(f"{folder / STUDY} is no study of recurra tune")
    return found


def _kept(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else plain(value)


def _opened(folder: Path, *, create: bool) -> optuna.Study:
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=BEFORE_PRUNING, n_warmup_steps=STEPS // 10)
    try:
        storage = JournalStorage(JournalFileBackend(str(folder / STUDY)))
        if create:
            return optuna.create_study(storage=storage, study_name="recurra", direction="minimize", pruner=pruner)
        return optuna.load_study(storage=storage, study_name="recurra", pruner=pruner)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{folder / STUDY} cannot be read: {error}") from error


class Study:
    """Trials on the same data."""

    def __init__(
        self,
        folder: Path,
        data: Path,
        task: str | None,
        given: dict[str, Any],
        vary: Sequence[str] | None,
        progress: ProgressLogger,
    ) -> None:
        self.folder, self.data, self.task, self.given, self.vary = folder, data, task, given, vary
        self.progress = progress
        self.minutes: float | None = given.get("minutes")
        with progress.doing("looking at the data"):
            parts = {name: given.get(name) for name in ("validation", "test", "parallel")}
            self.source: Source = resolve(data, task, **parts)
            if task is None and given.get("text") is None:
                refuse_unlike_text(self.source)
            # a training within minutes evaluates by the clock; of a trial they are set below
            chosen = settings_for(self.source, {k: v for k, v in given.items() if k != "minutes"})
        self.settings = precision.settled(chosen)
        self.starts = varied(self.settings, given, vary)
        if (ensemble := size_of(self.settings)) > 1:
            raise UsageError(
                f"a study trains one network a trial, not an ensemble of {ensemble}; tune first, then join"
            )

    def open(self, *, resumed: bool) -> None:
        """Read the data; make the study or find it again. Errors: DataError if the data are others than they were"""
        self.progress.log(f"task {self.source.task}: {self.source.why}")
        with self.progress.doing("reading and encoding the data"):
            self.setup = prepare_run(self.source, self.settings)
        self.epochs = self.setup.settings.training.epochs
        part = self.setup.dataset.facts["training_part"]
        asked = {
            "data": str(self.data.resolve()) if self.data.exists() else str(self.data),
            "task": self.task,
            "settings": {name: _kept(value) for name, value in self.given.items()},
            "vary": self.vary if self.vary is None else list(self.vary),
            "training_part": part,
        }
        self.study = _opened(self.folder, create=not resumed)
        if resumed:
            if self.study.user_attrs["asked"]["training_part"] != part:
                raise DataError("the training part is not what it was when the study began", file=self.data)
        else:
            self.study.set_user_attr("asked", asked)
        self.progress.log(f"varied: {', '.join(self.starts)}")

    def run(self, trials: int, begun: float) -> Tuned:
        """Errors: see `tune`"""
        ends = math.inf if self.minutes is None else begun + 60 * self.minutes
        until = math.inf if self.minutes is None else begun + FOR_TRIALS * 60 * self.minutes
        while (count := len(self.done())) < trials:
            if time.monotonic() >= until and count:
                self.progress.log(f"note: {count} of {trials} trials within the minutes")
                break
            self._trial(count, trials, until)
        found = self.done()
        ranked = [trial for trial in found if trial.rank]
        if not ranked:
            raise DivergedError(
                f"none of {len(found)} trials came to an evaluation; lower the learning rate or give minutes"
            )
        best = min(ranked, key=lambda trial: trial.rank)
        self.progress.log(f"best: trial {best.number + 1}, {best.line()}")
        given = self.given | best.settings | ({} if self.epochs is None else {"epochs": self.epochs})
        if self.minutes is not None:
            given = self._as_tried() | given
            given["minutes"] = max(round((ends - time.monotonic()) / 60, 2), 0.05)
        command = command_of(self.data, self.task, given)
        out = self.folder / BEST
        run = train(
            self.data,
            task=self.task,
            out=out,
            overwrite=out.exists(),
            quiet=self.progress.quiet,
            command=command,
            **given,
        )
        return Tuned(self.folder, found, best.number, run, command)

    def _as_tried(self) -> dict[str, Any]:
        """Settings that would follow the minutes of the last training otherwise."""
        task, groups = self.setup.task, (self.settings.network, self.settings.training)
        names = task.sizes if isinstance(task, Sizing) else ()
        return {name: getattr(group, name) for group in groups for name in names if hasattr(group, name)}

    def done(self) -> list[Trial]:
        """The trials that count, in order; one that was interrupted does not, and is made again."""
        kept = [trial.user_attrs["kept"] for trial in self.study.trials if "kept" in trial.user_attrs]
        return [Trial.read(number, each) for number, each in enumerate(kept)]

    def _asked(self, number: int) -> tuple[optuna.trial.Trial, dict[str, Any]]:
        """The next trial with its settings; seeded by its number, so that a study that was stopped goes on the same."""
        import optuna

        seed = (self.settings.training.seed + number) % 2**32
        self.study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=FIRST)
        if number:
            trial = self.study.ask()
            return trial, drawn(trial, self.starts)
        if not self.study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.WAITING]):
            self.study.enqueue_trial(self.starts)
        trial = self.study.ask()
        with warnings.catch_warnings():  # a start that could not be drawn, such as a dropout of 0.12, is taken anyway
            warnings.simplefilter("ignore")
            drawn(trial, self.starts)
        return trial, dict(self.starts)

    def _trial(self, number: int, trials: int, until: float) -> None:
        """Errors: StoppedError after a signal; it is made again then"""
        from optuna.trial import TrialState

        trial, chosen = self._asked(number)
        setup = self._setup(chosen, number, trials, until)
        watched = WatchedTrial(trial, number, until, setup.trainee, setup.settings.training)
        begun, status = time.monotonic(), "finished"
        with StopRequest() as stop, self.progress.doing(f"trial {number + 1} of {trials}: {words(chosen)}"):
            try:
                received = fit(setup.trainee, setup.settings.training, progress=watched).signal
            except PrunedError:
                status, received = "pruned", None
            except TimeOverError:
                status, received = "cut", None
            except DivergedError:
                status, received = "diverged", None
        if (stopping := stop.received if received is None else received) is not None:
            self.study.tell(trial, state=TrialState.FAIL)
            raise self._stopped(stopping, number, trials)
        found = Trial(number, chosen, status, watched.rank, watched.scores, watched.epochs, time.monotonic() - begun)
        trial.set_user_attr("kept", found.kept())
        if status == "finished" and watched.rank:
            self.study.tell(trial, watched.rank[0])
        else:
            self.study.tell(trial, state=TrialState.PRUNED)
        self.progress.log(f"trial {number + 1} of {trials}: {found.line()}")
        (self.folder / TABLE).write_text(csv_of(self.done(), list(self.starts)), encoding="utf-8")

    def _stopped(self, number: int, trial: int, trials: int) -> StoppedError:
        return StoppedError(
            f"stopped by {signal.Signals(number).name} in trial {trial + 1}; {self.folder} holds those before it\n"
            f"go on with: recurra tune --resume {shlex.quote(str(self.folder))} --trials {trials}",
            number,
        )

    def _setup(self, chosen: Mapping[str, Any], number: int, trials: int, until: float) -> Setup:
        base, task = self.setup.dataset, self.setup.task
        settings = base.settings.changed(**chosen)
        if self.minutes is not None and self.given.get("epochs") is None:
            share = (until - time.monotonic()) / (trials - number)
            settings = settings.changed(epochs=None, minutes=max(share, LEAST) / 60)
        dataset = replace(base, settings=settings, notes=[])
        torch.manual_seed(settings.training.seed)
        network = task.network(dataset.preprocessor, settings)
        setup = Setup(task, dataset, task.trainee(network, dataset))
        file = self.given.get("vectors")
        vectors.start(setup, None if file is None else Path(file), lambda line: None)
        return setup
