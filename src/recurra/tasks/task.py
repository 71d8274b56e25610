"""What a task is: from data to something to train, to a model in use, to scores and a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy.typing as npt

from recurra.report.metric import Metric
from recurra.tasks import registry
from recurra.tasks.model import Model
from recurra.tasks.settings import AnySettings
from recurra.tasks.sources.source import Source
from recurra.topologies.sequence_model import SequenceModel
from recurra.training.deadline import Deadline
from recurra.training.trainee import Divisible, Trainee

if TYPE_CHECKING:
    from recurra.report.record import Baseline
    from recurra.report.sections import Section


class TaskTrainee(Trainee, Divisible, Protocol):
    """What a task trains. unit: what its rates count; chosen_by: the metrics of `rank`, the first to decide first"""

    unit: str

    @property
    def chosen_by(self) -> tuple[str, ...]: ...


class Preprocessor(Protocol):
    """What turns data into what a network reads, learned from the training part: a vocabulary, classes, a scaler.

    It is preprocessing.json of a model folder.
    """

    @property
    def input_width(self) -> int | None:
        """Numbers of a step that the network reads; None if it reads tokens."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        """What `to_json` gave. Errors: DataError for anything else"""


D = TypeVar("D")


@dataclass
class Dataset(Generic[D]):
    """The data of a run, read, divided and encoded.

    settings: those asked for, completed by what the data decide; data: as the task holds them; parts: train, validation
    and test of them, as `Task.encode` gives them too; arrays: the training part as the network reads it, whose digest
    the model folder keeps; facts: what was read, plain values, with name, files, counts and unit, and others that only
    some tasks have (see tasks.stored.StoredData); notes: for people
    """

    source: Source
    settings: AnySettings
    data: D
    preprocessor: Any
    parts: Mapping[str, Any]
    arrays: Sequence[npt.NDArray[Any]]
    facts: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    loss_unit: str | None = None
    """What the loss is of, if these data have a word of their own for it ("nats per character")."""
    deadline: Deadline = field(default_factory=lambda: Deadline(None))
    """When all that is done with these data has to be done."""
    looked_at: int | None = None
    """Rows of the validation part that evaluations during training looked at, if not all."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What its scores are, the headline first; the loss in the unit of these data."""
        rows, unit = registry.get(self.source.task).metrics, self.loss_unit
        return rows if unit is None else tuple(replace(row, unit=unit) if row.name == "loss" else row for row in rows)

    @property
    def evaluated_on(self) -> str:
        """The name of the part that the report speaks of."""
        return held_out_part(self.parts)

    @property
    def held_out(self) -> Any:
        """That part."""
        return self.parts[self.evaluated_on]

    def evaluated_in_part(self, part: Any) -> Dataset[D]:
        """The same, of whose held-out part that much alone is spoken of."""
        return replace(self, parts={**self.parts, self.evaluated_on: part})


@dataclass(frozen=True)
class Encoded:
    """New data as one part. counts: what was done to them that a reader of the scores should know, such as texts cut"""

    part: Any
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """How a model did on a part.

    scores: "loss" in nats first, then the others, the most important first; count: units that they are the mean of;
    answers: what the model answered, as the task's sections show it
    """

    scores: dict[str, float]
    count: int
    answers: Any = None
    concluded: Mapping[str, float] = field(default_factory=dict)
    """What was done to the network after its training, see tasks.abilities.Concluding."""


def held_out_part(parts: Mapping[str, Sized]) -> str:
    """The part that a run is evaluated on: the test part if there is one, else that of validation."""
    return "test" if len(parts["test"]) else "validation"


class Task(Protocol):
    """One task. What only some tasks can do stands in tasks.abilities."""

    name: ClassVar[str]
    preprocessor: ClassVar[type[Preprocessor]]
    holds_out: ClassVar[bool]
    """Whether it splits a validation part off the training part where the files bring none."""

    def prepare(self, source: Source, settings: AnySettings, kept: Any = None) -> Dataset[Any]:
        """Read, divide and encode.

        kept: a preprocessor that is used instead of one learned from the data
        Errors: DataError, also for a class, tag or attribute that the kept one does not know
        """

    def encode(self, source: Source, settings: AnySettings, preprocessor: Any) -> Encoded:
        """All of a source as one part, with what a run has learned. Errors: DataError"""

    def network(self, preprocessor: Any, settings: AnySettings) -> SequenceModel[Any, Any]:
        """A new network, its weights drawn from torch's global random numbers."""

    def trainee(self, network: Any, dataset: Dataset[Any]) -> TaskTrainee:
        """What is trained."""

    def model(self, network: Any, preprocessor: Any, settings: AnySettings) -> Model:
        """What is used. Errors: DataError if they do not go together"""

    def evaluate(self, model: Any, part: Any, settings: AnySettings) -> Evaluation:
        """How the model does on a part."""

    def baselines(self, dataset: Dataset[Any], part: Any) -> list[Baseline]:
        """Simple models of the training part, evaluated on a part."""

    def sections(self, dataset: Dataset[Any], model: Any, evaluation: Evaluation) -> list[Section]:
        """What the report shows of this task besides its scores."""
