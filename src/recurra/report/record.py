"""Everything a report shows, as plain data.

A `RunRecord` holds what was measured and nothing that was derived for the eye. It goes to JSON and back
unchanged, so that a page can be drawn again from a model folder without training again. No torch and no
matplotlib here.
"""

from __future__ import annotations

import dataclasses
import types
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from recurra.data.files.json_text import storable
from recurra.errors import DataError
from recurra.report.metric import Metric, find
from recurra.report.sections import Section
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
class DataFile:
    """A file the run read, with its SHA-256 in hexadecimal."""

    name: str
    sha256: str
    size_bytes: int | None = None


@dataclass(frozen=True)
class DataDescription:
    """What was read and how it was divided.

    counts: part -> number of `unit`; facts: what else there is to say, name -> words.
    """

    name: str = ""
    files: list[DataFile] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    unit: str = "examples"
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The run beside its best baseline, in words."""

    outcome: Literal["better", "equal", "worse"]
    words: str


@dataclass(frozen=True)
class RunRecord:
    """One run, whole.

    metrics: name -> value on the part `evaluated_on`, the most important first; metric_rows: what they are, and the
    loss. size_bytes: the model's weights on disk; seconds: wall time spent training. best: the evaluation whose weights
    were kept; chosen_by: the metrics that it was chosen by, the first to decide first; ended: how, a sentence; hint:
    what would help. sections: what the task shows. equations and equations_latex go line by line together.
    settings: group -> name -> value, JSON values only; defaults: what they are if nothing is set. model: what people
    call it; the task's name if empty.
    """

    title: str
    task: str
    command: str = ""
    created: str = ""
    cell: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    metric_rows: list[Metric] = field(default_factory=list)
    evaluated_on: str = "test"
    parameters: int | None = None
    size_bytes: int | None = None
    seconds: float | None = None
    engine: str = ""
    device: str = ""
    threads: int | None = None
    history: list[Point] = field(default_factory=list)
    best: Point | None = None
    chosen_by: list[str] = field(default_factory=list)
    ended: str = ""
    verdict: Verdict | None = None
    hint: str = ""
    baselines: list[Baseline] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    equations: list[str] = field(default_factory=list)
    equations_latex: list[str] = field(default_factory=list)
    equations_source: str = ""
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    data: DataDescription = field(default_factory=DataDescription)
    notes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    model: str = ""

    def metric(self, name: str) -> Metric:
        """What a score is."""
        return find(self.metric_rows, name)

    def to_json(self) -> dict[str, Any]:
        """A dict that strict JSON can hold: nan and the infinities become "nan", "inf" and "-inf"."""
        return cast("dict[str, Any]", storable(dataclasses.asdict(self), str))

    @classmethod
    def from_json(cls, values: object) -> RunRecord:
        """The record again.

        Errors: DataError for an unknown name, a missing one, or a value of the wrong kind, with its place.
        """
        return _build(cls, values, "record")


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
        return _read_one_of(arguments, value, where)
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
    if hint in (int, str, bool) and type(value) is hint:
        return value
    if hint is type(None) and value is None:
        return None
    wanted = " or ".join(map(repr, arguments)) if origin is Literal else getattr(hint, "__name__", str(hint))
    raise DataError(f"{where}: expected {wanted}, got {value!r:.60}")


def _read_one_of(hints: tuple[Any, ...], value: Any, where: str) -> Any:
    """`value` as one of several types; of data classes, as the one that its `kind` names."""
    if isinstance(value, dict) and "kind" in value:
        named = [hint for hint in hints if getattr(hint, "kind", None) == value["kind"]]
        if not named:
            raise DataError(f"{where}: unknown kind {value['kind']!r:.60}")
        return _read(named[0], value, where)
    problem: DataError | None = None
    for hint in hints:
        try:
            return _read(hint, value, where)
        except DataError as error:
            problem = problem or error
    assert problem is not None
    raise problem
