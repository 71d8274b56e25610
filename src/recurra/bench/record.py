"""What was measured, as it is printed and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from recurra.bench.cases import Case, Precision, Shape
from recurra.bench.machine import Machine
from recurra.bench.timing import FEWEST_REPEATS
from recurra.errors import UsageError

FORMAT = 2
Status = Literal["measured", "differs", "not run"]


@dataclass(frozen=True)
class Request:
    """What all measurements of a run have in common.

    engine: Recurra's; threads: of both sides; repeats: samples of each side.
    """

    engine: str = "auto"
    threads: int = 1
    repeats: int = FEWEST_REPEATS


@dataclass(frozen=True)
class Row:
    """One piece of work, Recurra beside one peer.

    status, reason: "differs" where the results are not the same, "not run" where one side cannot do it, and why; such a
    row has no times. variant: the fastest of the peer's variants; ratio: the peer's time over Recurra's; spread: its
    lower and upper quartile over the samples; roofline_ms: the time that the machine needs at least; roofline_share:
    its share of Recurra's time; rate_share: GFLOP/s over the matrix rate; difference: between the results, of the
    largest value; relative: Recurra's time per FLOP over that of its lstm; relative_all: the same per operation, what
    is elementwise included; whole_ms, whole_share, whole_by: as the roofline's, of all operations and of all bytes that
    a training step moves, and which of the two it is ("arithmetic" or "memory"); error, peer_error: of `error_of`,
    against float64; parts: shares of Recurra's step.
    Units: ms, GFLOP/s, fractions
    """

    case: Case
    engine: str
    peer: str
    status: Status = "measured"
    reason: str | None = None
    variant: str | None = None
    recurra_ms: float | None = None
    peer_ms: float | None = None
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    gflops: float | None = None
    peer_gflops: float | None = None
    roofline_ms: float | None = None
    roofline_share: float | None = None
    rate_share: float | None = None
    difference: float | None = None
    relative: float | None = None
    relative_all: float | None = None
    whole_ms: float | None = None
    whole_share: float | None = None
    whole_by: str | None = None
    error: float | None = None
    peer_error: float | None = None
    error_of: str | None = None
    parts: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        case = values.pop("case")
        sizes = case.pop("shape")
        return {**case, **sizes, "shape": str(self.case.shape), "title": self.case.title, **values}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Row:
        """What `to_json` gave."""
        sizes = Shape(*(values[f.name] for f in fields(Shape)))
        case = {f.name: values[f.name] for f in fields(Case) if f.name != "shape" and f.name in values}
        case["lengths"] = None if case["lengths"] is None else tuple(case["lengths"])
        own = {f.name: values[f.name] for f in fields(cls) if f.name != "case"}
        own["spread"] = None if own["spread"] is None else tuple(own["spread"])
        return cls(case=Case(shape=sizes, **case), **own)


@dataclass(frozen=True)
class Document:
    """A whole run. skipped: what was not measured, one line each; rates: FLOP/s; bandwidth: bytes/s by bytes read;
    elementwise: operations/s, None where nothing was held against it
    """

    command: str
    date: str
    machine: Machine
    request: Request
    rates: dict[Precision, float]
    bandwidth: dict[int, float]
    rows: Sequence[Row]
    skipped: Sequence[str]
    elementwise: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "command": self.command,
            "date": self.date,
            "machine": asdict(self.machine),
            "request": asdict(self.request),
            "matrix_rate_gflops": {name: rate / 1e9 for name, rate in self.rates.items()},
            "bandwidth_gb_per_s": {str(size): rate / 1e9 for size, rate in sorted(self.bandwidth.items())},
            "elementwise_g_per_s": None if self.elementwise is None else self.elementwise / 1e9,
            "rows": [row.to_json() for row in self.rows],
            "skipped": list(self.skipped),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Document:
        """What `to_json` gave. Errors: UsageError for a document of another format"""
        if values.get("format") != FORMAT:
            raise UsageError(f"expected a benchmark document of format {FORMAT}, got {values.get('format')!r}")
        machine = {**values["machine"], "flags": tuple(values["machine"]["flags"])}
        return cls(
            command=values["command"],
            date=values["date"],
            machine=Machine(**machine),
            request=Request(**values["request"]),
            rates={name: rate * 1e9 for name, rate in values["matrix_rate_gflops"].items()},
            bandwidth={int(size): rate * 1e9 for size, rate in values["bandwidth_gb_per_s"].items()},
            rows=[Row.from_json(row) for row in values["rows"]],
            skipped=values["skipped"],
            elementwise=None if values["elementwise_g_per_s"] is None else values["elementwise_g_per_s"] * 1e9,
        )

    @property
    def differing(self) -> list[Row]:
        """Rows whose results are not the same."""
        return [row for row in self.rows if row.status == "differs"]
