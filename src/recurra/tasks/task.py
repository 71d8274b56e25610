"""A task with its data, ready to train, and what a task must know to be one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sized
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

from torch import Tensor

from recurra.model_folder import ModelFolder
from recurra.report.metric import Metric
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks import registry
from recurra.tasks.model import Model
from recurra.tasks.settings import AnySettings
from recurra.tasks.sources.resolving import Source
from recurra.tasks.word_vectors.table import WordTable
from recurra.training.trainee import Trainee


class TaskTrainee(Trainee, Protocol):
    """What a task trains. unit: what its rates count; chosen_by: the metrics of `rank`, the first to decide first"""

    unit: str

    @property
    def chosen_by(self) -> tuple[str, ...]: ...


@dataclass
class Dataset(ABC):
    """A task with its data, ready to train.

    facts: what was read, plain values, with name, files, counts, unit, vocabulary_size, vocabulary_level, unknown_rate;
    evaluated_on: the part that the report speaks of
    """

    source: Source
    settings: AnySettings
    trainee: TaskTrainee
    facts: dict[str, Any]
    notes: list[str]
    evaluated_on: str
    vectors: dict[str, Any] = field(default_factory=dict, kw_only=True)
    """What is known of the word vectors that the network started from; see api.vectors."""

    @abstractmethod
    def vocabulary_json(self) -> dict[str, Any]:
        """What vocabulary.json holds."""

    def config(self) -> dict[str, Any]:
        """What config.json holds besides what every task's does."""
        return {}

    @abstractmethod
    def baselines(self) -> list[Baseline]:
        """The baselines, evaluated on the same part."""

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """The network's scores on that part, "loss" among them, the most important one first after it."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What its scores are, the headline first; the loss in the unit of these data."""
        rows = registry.get(self.source.task).metrics
        if self.loss_unit is None:
            return rows
        return tuple(replace(row, unit=self.loss_unit) if row.name == "loss" else row for row in rows)

    @property
    def loss_unit(self) -> str | None:
        """What the loss is of, if these data have a word of their own for it ("nats per character")."""
        return None

    def conclude(self) -> list[str]:
        """Change the network for the last time, its best weights in it, before it is evaluated and stored.

        Returns what was done, in sentences; nothing, unless a task says otherwise.
        """
        return []

    def weights_before(self, folder: ModelFolder) -> dict[str, Tensor]:
        """A finished run's weights as they were before `conclude`, to go on from."""
        return folder.weights()

    @property
    def scored(self) -> int:
        """How many units the scores are the mean of."""
        return int(self.facts["counts"][self.evaluated_on])

    @abstractmethod
    def word_table(self) -> WordTable:
        """The network's table of token vectors, and the training part's tokens."""

    def sections(self) -> list[Section]:
        """What the report shows of this task besides its scores; after `evaluate`."""
        return []


def held_out_part(parts: Mapping[str, Sized]) -> str:
    """The part that a run is evaluated on: the test part if there is one, else that of validation."""
    return "test" if len(parts["test"]) else "validation"


class Task(Protocol):
    """One task: from data to something to train, from a folder to something to use."""

    name: ClassVar[str]

    def prepare(self, source: Source, settings: AnySettings, kept: ModelFolder | None = None) -> Dataset:
        """Read the data and build the network, its weights drawn from the seed.

        kept: a model of this task whose vocabulary, classes, tags or attributes are used instead of the data's own
        Errors: DataError, also for a class, tag or attribute that the kept model does not know
        """

    def load(self, folder: ModelFolder, settings: AnySettings) -> Model:
        """The trained model. Errors: ModelFolderError; DataError, UsageError, KeyError, TypeError are told as one"""

    def evaluate(self, model: Any, source: Source, settings: AnySettings) -> tuple[int, dict[str, float]]:
        """Scores on all of a source, and the number of units they are the mean of. Errors: DataError"""
