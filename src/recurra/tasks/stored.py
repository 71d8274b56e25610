"""What config.json and metrics.json of a model folder must hold: whatever is read of them is checked here first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, Field, model_validator

from recurra.data.files.checked import Amount, Count, Exact, Name, Sha256, Stored, Text, checked
from recurra.data.files.text import check_encoding
from recurra.errors import DataError, ModelFolderError, RecurraError, UsageError
from recurra.layers.sparse_linear import MOST_FEATURES
from recurra.model_folder import ModelFolder
from recurra.model_folder.older import UNHEARD
from recurra.tasks import registry
from recurra.tasks.settings import AnySettings, TextSettings
from recurra.tasks.sources.source import SourceKind

if TYPE_CHECKING:
    from recurra.report.record import Baseline

MOST = 1 << 20
"""Classes, files or notes of a model at most."""

T = TypeVar("T", bound=BaseModel)


def _known(task: str) -> str:
    if task not in registry.TASKS:
        raise ValueError(f"this version knows no task {task!r:.60}")
    return task


def _once_each(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise ValueError(f"{name!r:.60} stands twice")
            seen.add(name)
    return names


DistinctNames = Annotated[list[Name], Field(min_length=1, max_length=MOST), AfterValidator(_once_each)]
"""Classes or tags."""
SkipFeatures = Annotated[int, Field(ge=0, le=MOST_FEATURES)]
"""That a linear skip knows."""
TaskName = Annotated[Name, AfterValidator(_known)]
Score = Annotated[float, Field(allow_inf_nan=True)]


class StoredFile(Stored):
    """A file of data as it was at training."""

    name: Name
    sha256: Sha256
    size_bytes: Count


class StoredSource(Exact):
    """Where the data are, see api.provenance. files: pairs of a part or label and a path."""

    name: Name
    task: TaskName
    kind: SourceKind
    named: bool
    files: Annotated[list[Annotated[list[Name], Field(min_length=2, max_length=2)]], Field(max_length=MOST)]
    options: Annotated[dict[Name, Any], Field(max_length=100)]
    why: Text

    @model_validator(mode="after")
    def _suits(self) -> Self:
        if self.kind not in registry.get(self.task).sources:
            raise ValueError(f"nothing of the kind {self.kind} is learned by the task {self.task}")
        keys = [key for key, _ in self.files]
        if len(set(keys)) < len(keys) or bool(keys) == self.named:
            raise ValueError("files: each part has one file, a named data set none")
        return self


class StoredSized(Stored):
    """Settings that followed the minutes, and why, a line for each choice, see tasks.abilities.Sizing."""

    settings: Annotated[dict[Name, int | float | Name], Field(max_length=10)]
    why: Text


class StoredData(Stored):
    """What was read at training.

    training_part: SHA-256 of what the network read of it, see api.provenance; vocabulary_level: of tasks with tokens
    """

    files: Annotated[list[StoredFile], Field(max_length=MOST)]
    unit: Name
    vocabulary_level: Literal["char", "word", "byte", "bpe"] | None = None
    counts: Annotated[dict[Name, Count], Field(max_length=10, default_factory=dict)]
    training_part: Sha256 | None = None
    sized: StoredSized | None = None


_OF_FILE = {"sha256", "read", "encoding", "lower_case", "duplicates", "nameless", "undecodable", "undecodable_at"}
_OF_LEARNED = {"skip_gram"}


class StoredVectors(Stored):
    """What is known of the word vectors that the network started from, see tasks.word_vectors; all is said again."""

    file: Name | None
    width: Count
    factor: float
    frozen: bool
    types: Count
    types_without: Count
    tokens: Count
    tokens_without: Count
    sha256: Sha256 | None = None
    read: Count = 0
    encoding: Name = ""
    lower_case: Count = 0
    duplicates: Count = 0
    nameless: Count = 0
    undecodable: Count = 0
    undecodable_at: Count | None = None
    skip_gram: Annotated[dict[Name, int | float | str | bool | None], Field(max_length=100, default_factory=dict)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        more = _OF_LEARNED if self.file is None else _OF_FILE
        if not more <= self.model_fields_set:
            raise ValueError(f"{min(more - self.model_fields_set)} is missing")
        return self


class Environment(Stored):
    """What a training ran with, as far as its numbers may depend on it."""

    variant: Name | None = None
    threads: Count | None = None
    device: Name | None = None
    processes: Count = 1


class StoredScore(Exact):
    """A score before and after a network was quantised."""

    before: Score
    after: Score


class StoredQuantised(Exact):
    """What a quantised model was made of, and what that cost. of: the run's name; scores: of the metric, by part"""

    of: Name
    metric: Name
    scores: Annotated[dict[Name, StoredScore], Field(max_length=10)]


class Config(Stored):
    """config.json."""

    task: TaskName
    name: Name
    command: Text
    created: Name
    cell_fingerprint: Name
    engine: Name
    settings: dict[str, Any]
    source: StoredSource
    data: StoredData
    vectors: dict[Name, Any] = Field(default_factory=dict)
    environment: Environment = Environment()
    concluded: Annotated[dict[Name, float], Field(max_length=100, default_factory=dict)]
    """What was done to the network after its training, see tasks.abilities.Concluding."""
    started_from: Name | None = None
    """The run whose weights and vocabulary it began with."""
    license: Text | None = None
    """Of the weights, as who trained them said."""
    quantised: StoredQuantised | None = None
    """If its matrices are in 8 bits."""
    finished_before: Annotated[list[Amount], Field(max_length=1000, default_factory=list)]
    """Epochs after which it was finished already and went on."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.source.task != self.task:
            raise ValueError(f"the source is one of the task {self.source.task}, the model of {self.task}")
        if self.vectors:
            checked(StoredVectors, self.vectors, "vectors")
        return self


class StoredBaseline(Stored):
    """A baseline, see report.record.Baseline."""

    name: Name
    metrics: Annotated[dict[Name, Score], Field(max_length=1000)]
    size_bytes: Count | None
    seconds: Amount | None


class Metrics(Stored):
    """metrics.json, as far as a run that goes on reads it."""

    status: Literal["running", "stopped", "diverged", "finished"]
    baselines: Annotated[list[StoredBaseline], Field(max_length=1000)]

    def scored_baselines(self) -> list[Baseline]:
        """The baselines."""
        from recurra.report.record import Baseline

        return [Baseline(r.name, dict(r.metrics), r.size_bytes, r.seconds) for r in self.baselines]


def config_of(folder: ModelFolder, kind: type[T]) -> T:
    """A folder's config.json as this kind. Errors: DataError"""
    return checked(kind, folder.config, "config.json")


def metrics_of(folder: ModelFolder) -> Metrics:
    """A folder's metrics.json. Errors: ModelFolderError"""
    try:
        return checked(Metrics, folder.metrics, "metrics.json")
    except DataError as error:
        raise of_folder(folder.path, error) from error


def settings_of(config: Config) -> AnySettings:
    """What a model was trained with. Errors: DataError, UsageError"""
    row = registry.get(config.task)
    start = row.defaults.settings
    start.changed(**row.read(config.source.options))
    try:
        row.refuse_unread(str(name) for names in config.settings.values() if isinstance(names, dict) for name in names)
    except UsageError as error:
        raise UsageError(f"{error}; train it again with this version") from error
    settings = start.changed(**UNHEARD.get(config.task, {})).from_json(config.settings)
    if isinstance(settings.data, TextSettings):
        check_encoding(settings.data.encoding)
    return settings


def of_folder(path: Path, error: RecurraError) -> ModelFolderError:
    """What is wrong with a folder's content, as an error of the folder."""
    return ModelFolderError(f"{path}: {error}")
