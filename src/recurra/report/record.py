"""Everything a report shows, as plain data.

A `RunRecord` holds what was measured and nothing that was derived for the eye. It goes to JSON and back
unchanged, so that a page can be drawn again from a model folder without training again. No torch and no
matplotlib here.
"""

from __future__ import annotations

import dataclasses
import math
import types
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from recurra.errors import DataError
from recurra.training.history import Point

T = TypeVar("T")


@dataclass(frozen=True)
class Baseline:
    """A baseline: simpler than the model, measured on the same part. Metric names as in `RunRecord.metrics`."""

    name: str
    metrics: dict[str, float]
    size_bytes: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class ClassScore:
    """One class on the evaluated part: precision, recall and f1 as fractions, support in examples."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class ConfusedPair:
    """`count` examples of class `true` were taken for `predicted`; `examples` quotes some of them."""

    true: str
    predicted: str
    count: int
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sample:
    """A generated text; `text` is what follows `prompt`."""

    prompt: str
    temperature: float
    text: str


@dataclass(frozen=True)
class Table:
    """A table of a task's own; every cell is text, `note` says how to read it."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture of a task's own as SVG text drawn by `report`; `text` describes it for those who cannot see it."""

    title: str
    svg: str
    text: str = ""


@dataclass(frozen=True)
class DataFile:
    """A file the run read, with its SHA-256 in hexadecimal."""

    name: str
    sha256: str
    size_bytes: int | None = None


@dataclass(frozen=True)
class DataDescription:
    """What was read and how it was divided.

    counts: part -> number of `unit`; repeats_dropped, skipped in rows; unknown_rate: the fraction of the
    evaluated part's pieces that are not in the vocabulary. None: does not apply.
    """

    name: str = ""
    files: list[DataFile] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    unit: str = "examples"
    repeats_dropped: int | None = None
    skipped: int | None = None
    vocabulary_size: int | None = None
    vocabulary_level: str = ""
    unknown_rate: float | None = None


@dataclass(frozen=True)
class RunRecord:
    """One run, whole.

    metrics: name -> value on the part `evaluated_on`, the most important first; `report.measures` knows the
    names. size_bytes: the model's weights on disk; seconds: wall time spent training. confusion[i][j]: examples
    of class i taken for class j, in the order of `classes`. equations and equations_latex go line by line
    together. settings: group -> name -> value, JSON values only. model: what people call it; the task's name if empty.

    Errors: DataError if the confusion matrix is not as wide and as high as there are classes.
    """

    title: str
    task: str
    command: str = ""
    created: str = ""
    cell: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    evaluated_on: str = "test"
    parameters: int | None = None
    size_bytes: int | None = None
    seconds: float | None = None
    engine: str = ""
    device: str = ""
    threads: int | None = None
    history: list[Point] = field(default_factory=list)
    best: Point | None = None
    baselines: list[Baseline] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    confusion: list[list[int]] = field(default_factory=list)
    per_class: list[ClassScore] = field(default_factory=list)
    confused: list[ConfusedPair] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    equations: list[str] = field(default_factory=list)
    equations_latex: list[str] = field(default_factory=list)
    equations_source: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    data: DataDescription = field(default_factory=DataDescription)
    notes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    model: str = ""

    def __post_init__(self) -> None:
        size = len(self.classes)
        if self.confusion and (len(self.confusion) != size or any(len(row) != size for row in self.confusion)):
            rows, columns = len(self.confusion), sorted({len(row) for row in self.confusion})
            raise DataError(f"expected a confusion matrix of {size} x {size}, got {rows} rows of {columns}")

    def to_json(self) -> dict[str, Any]:
        """A dict that strict JSON can hold: nan and the infinities become "nan", "inf" and "-inf"."""
        return cast("dict[str, Any]", _plain(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, values: object) -> RunRecord:
        """The record again.

        Errors: DataError for an unknown name, a missing one, or a value of the wrong kind, with its place.
        """
        return _build(cls, values, "record")


def _plain(value: Any) -> Any:
    """Only dicts with text keys, lists, text, numbers that JSON has, booleans and None."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _build(kind: type[T], values: object, where: str) -> T:
    if not isinstance(values, dict):
        raise DataError(f"{where}: expected an object, got {type(values).__name__}")
    hints = get_type_hints(kind)
    unknown = sorted(str(name) for name in values if name not in hints)
    if unknown:
        raise DataError(f"{where}: unknown name {unknown[0]!r}", remedy=f"it may be one of: {', '.join(hints)}")
    try:
        return kind(**{name: _read(hints[name], value, f"{where}.{name}") for name, value in values.items()})
    except TypeError as error:
        raise DataError(f"{where}: {error}") from error


def _read(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type `hint` asks for."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        return _build(cast("type[Any]", hint), value, where)
    if origin in (Union, types.UnionType):
        return None if value is None else _read(arguments[0], value, where)
    if origin is list and isinstance(value, list):
        return [_read(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {key: _read(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if origin is Literal and value in arguments:
        return value
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint is float and value in ("nan", "inf", "-inf"):
        return float(value)
    if hint in (int, str) and isinstance(value, hint) and not isinstance(value, bool):
        return value
    wanted = " or ".join(map(repr, arguments)) if origin is Literal else getattr(hint, "__name__", str(hint))
    raise DataError(f"{where}: expected {wanted}, got {value!r:.60}")
