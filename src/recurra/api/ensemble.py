"""Several networks trained one after the other, which answer as one."""

from __future__ import annotations

import signal
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor, nn

from recurra.api import resuming
from recurra.api.budget import compared_on
from recurra.api.introduction import introduce
from recurra.api.preparation import NOT_RESUMED, size_of
from recurra.api.run import Run
from recurra.api.training_run import TrainingRun, Watching
from recurra.errors import CallbackError, DivergedError, StoppedError, UsageError
from recurra.report.metric import Metric
from recurra.report.sections import Cell, Column, Table
from recurra.tasks.abilities import WordTables
from recurra.tasks.settings import AnySettings
from recurra.tasks.task import Dataset
from recurra.topologies.ensembles import Ensemble
from recurra.training.callbacks import Ending, Watchers
from recurra.training.checkpoint import Checkpoint, Counters, weights_of
from recurra.training.fit import Outcome, fit
from recurra.training.history import csv_of
from recurra.training.signals import Interrupted, StopRequest, number_of


@dataclass(frozen=True)
class Member:
    """One network. scores: of the part that the run is evaluated on, by itself, without what is added at the end"""

    seed: int
    counters: Counters
    scores: dict[str, float]


def check_ensemble(settings: AnySettings, watching: Watching, *, begun: bool, processes: int) -> None:
    """begun: with another run's weights; processes: that train together. Errors: UsageError for what it cannot"""
    if size_of(settings) == 1:
        return
    if begun:
        raise UsageError("a run that begins with another one's weights is one network; leave ensemble out")
    if processes > 1:
        raise UsageError(f"an ensemble is trained by one process, here are {processes}; leave ensemble out")
    if watching.log is not None:
        raise UsageError(f"{watching.log} shows the curves of one network; leave log or ensemble out")
    if watching.closely:
        raise UsageError("watch looks at one network on its way; leave watch or ensemble out")


class EnsembleRun(TrainingRun):
    """A run of several networks with the same data and parts, each of a seed one higher than the one before.

    Each is trained as a run of its own would be, of a budget of minutes for its share of them; then the linear skip is
    fitted beside the mean of all. Those that are finished are written when a signal comes.
    """

    REMEDY: ClassVar[str] = f"an ensemble is not resumed: {NOT_RESUMED}"

    def run(self, resume: Checkpoint | None = None, baselines: Any = None) -> Run:
        assert resume is None
        introduce(self.setup, self.engine, self.progress, self.processes)
        self._begin(baselines)
        self.members: list[Member] = []
        watchers = self.watching.of_run(self.progress, self._logged(0))
        try:
            self._train_all(watchers)
            counters = replace(self.members[0].counters, seconds=sum(each.counters.seconds for each in self.members))
            self._introduce_all()
            run = self._finished(Outcome("budget", counters, weights_of(self.network)))
        except KeyboardInterrupt as interruption:
            number = number_of(interruption)
            with StopRequest():
                kept = self._keep("stopped")
            watchers.end(Ending("finished" if self.finished else "stopped", self.folder))
            raise StoppedError(f"stopped by {signal.Signals(number).name}; {kept}\n{self.REMEDY}", number) from None
        except DivergedError as error:
            raise DivergedError(f"{error}; {self._keep('diverged')}") from None
        except CallbackError as error:
            raise CallbackError(f"{error}; {self._keep('stopped')}\n{self.REMEDY}") from error.__cause__
        finally:
            self.progress.close()
        watchers.end(Ending("finished", run.folder, dict(run.metrics["metrics"])))
        return run

    @property
    def ensemble(self) -> Ensemble:
        assert isinstance(self.network, Ensemble)
        return self.network

    def _train_all(self, watchers: Watchers) -> None:
        settings, task = self.dataset.settings, self.setup.task
        count, minutes = size_of(settings), self._training_settings(None)[0].minutes
        self._share_vectors()
        for number, network in enumerate(self.ensemble.members):
            dataset = self._dataset_of(number, None if minutes is None else minutes / count)
            own = dataset.settings
            self.progress.log(f"network {number + 1} of {count}, seed {own.training.seed}")
            with self.deadline.phase("training"), self.progress.training():
                outcome = fit(task.trainee(network, dataset), own.training, progress=watchers)
            if outcome.signal is not None:
                raise Interrupted(outcome.signal)
            network.load_state_dict(outcome.best)
            if not number:
                self.part = compared_on(self.setup, self.deadline, outcome, count)
            self.members.append(Member(own.training.seed, outcome.counters, self._scores(network, own)))

    def _dataset_of(self, number: int, minutes: float | None) -> Dataset[Any]:
        """The data under the settings of one network, which is trained for so many minutes."""
        settings = self.dataset.settings
        training = settings.training
        own = {"ensemble": 1, "seed": (training.seed + number) % (1 << 32), "minutes": minutes}
        return replace(self.dataset, settings=settings.changed(**own, split_seed=settings.split_seed))

    def _share_vectors(self) -> None:
        """Word vectors that the first network starts from go to all."""
        if not self.setup.vectors:
            return
        task = self.setup.task
        assert isinstance(task, WordTables)
        first, *others = (task.word_table(self.dataset, member).weight for member in self.ensemble.members)
        for other in others:
            other.data.copy_(first.data)
            other.requires_grad_(first.requires_grad)

    def _scores(self, network: nn.Module, settings: AnySettings) -> dict[str, float]:
        """Of the part that the networks are compared on."""
        task = self.setup.task
        with (
            self.progress.doing(f"evaluating on the {self.dataset.evaluated_on} part"),
            self.deadline.phase("evaluation"),
        ):
            model = task.model(network.eval(), self.dataset.preprocessor, settings)
            return task.evaluate(model, self.part, settings).scores

    def _introduce_all(self) -> None:
        """What the networks score, each by itself, and what their mean does."""
        self.ensemble.settle()
        together = self._scores(self.network, self.dataset.settings)
        metric = next(row for row in self.dataset.metrics if row.name in together)
        scores = [member.scores[metric.name] for member in self.members]
        whole, count = len(self.dataset.held_out), len(self.part)
        part = f"{self.dataset.evaluated_on} part" + (
            f", {count:,} of its {whole:,} {self.dataset.facts['unit']}" if count < whole else ""
        )
        self.setup.more.append(members_table(self.members, together, self.dataset.metrics, part))
        self._log_notes(
            [
                f"{len(scores)} networks: {metric.short} {min(scores):.4f} to {max(scores):.4f}, "
                f"{statistics.mean(scores):.4f} in the mean, on the {part}; "
                f"{together[metric.name]:.4f} together, before anything is added; curves are those of the first"
            ]
        )

    def _keep(self, status: str) -> str:
        """Write the networks that are finished, unless all was; what is there, in words."""
        if self.finished:
            return f"{self.folder} holds the finished run"
        count = len(self.members)
        if not count:
            return "no network was finished"
        self.dataset.settings = self.dataset.settings.changed(ensemble=count)
        network = self.setup.task.network(self.dataset.preprocessor, self.dataset.settings)
        _take(network, [dict(self.ensemble.members[number].state_dict()) for number in range(count)])
        counters = self.members[0].counters
        extra = {resuming.METRICS_CSV: csv_of(counters.points)}
        self._put(weights_of(network), self._metrics(status, counters, None), extra)
        return f"{self.folder} holds the {count} network{'s' if count > 1 else ''} that had finished"


def _take(network: nn.Module, weights: list[Mapping[str, Tensor]]) -> None:
    """What some networks have learned, into one of the size of all."""
    if isinstance(network, Ensemble):
        for member, own in zip(network.members, weights, strict=True):
            member.load_state_dict(own)
        network.settle()
    else:
        network.load_state_dict(network.state_dict() | dict(weights[0]))


def members_table(
    members: list[Member], together: Mapping[str, float], metrics: tuple[Metric, ...], part: str
) -> Table:
    """The networks, each by itself, their mean, and all together."""
    shown = [row for row in metrics if row.name in together]

    def row(title: str, seed: str, epoch: str, scores: Mapping[str, float]) -> list[Cell]:
        return [title, seed, epoch, *(f"{scores[metric.name]:.4f}" for metric in shown)]

    rows = []
    for number, member in enumerate(members, start=1):
        best = member.counters.best_point
        epoch = "" if best is None else f"{member.counters.points[best].epoch:.2f}"
        rows.append(row(f"network {number}", str(member.seed), epoch, member.scores))
    for title, of in (("lowest", min), ("mean", statistics.mean), ("highest", max)):
        rows.append(row(title, "", "", {m.name: of([each.scores[m.name] for each in members]) for m in shown}))
    rows.append(row("together", "", "", together))
    return Table(
        "Networks of the ensemble",
        ["", Column("Seed", "number"), Column("Best epoch", "number"), *(Column(m.label, "number") for m in shown)],
        rows,
        f"Scores of the {part}, of each network by itself and of all together, before a linear skip is added and "
        "their probabilities are calibrated. All have the same parts of the data.",
        marked=[len(rows) - 1],
    )
