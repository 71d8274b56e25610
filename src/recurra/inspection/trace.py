"""Every named value of every step while a trained model reads one input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from recurra.errors import UnknownNameError, UsageError
from recurra.layers.recording import Call, recorded
from recurra.layers.stepping import Course, KeptStreams, step_through
from recurra.tasks.forward_pass import ForwardPass

Array = npt.NDArray[np.floating[Any]]
Frames = Literal["polars", "pandas"]
DIRECTIONS = ("forward", "backward")
ENDINGS = (".npz", ".csv", ".parquet")


@dataclass(frozen=True)
class LayerTrace:
    """One layer in one direction.

    stack: the module's name in the network; layer, direction: from 0, 1 is backward; cell: its name; states: those of
    `values` that are carried from step to step; tokens: what each step read [T]; values: by their names in the cell's
    equations, each [T, H] (H as wide as the value is), in the order in which they are computed
    """

    stack: str
    layer: int
    direction: int
    cell: str
    states: tuple[str, ...]
    tokens: tuple[str, ...]
    values: Mapping[str, Array]

    def key(self, name: str) -> str:
        """A value's name in `Trace.arrays`, as its weights are named: stack.f_l0, stack.f_l0_reverse."""
        return f"{self.stack}.{name}_l{self.layer}{'_reverse' if self.direction else ''}"


class Trace:
    """What happened inside a network while it read one input.

    layers: one entry for each stack, layer and direction, in the order in which they ran
    """

    def __init__(self, layers: Iterable[LayerTrace]) -> None:
        self.layers = tuple(layers)

    def arrays(self) -> dict[str, Array]:
        """Every value of every layer and direction, [T, H] each, by `LayerTrace.key`."""
        return {layer.key(name): value for layer in self.layers for name, value in layer.values.items()}

    def states(self) -> dict[str, Array]:
        """Of `arrays`, the states after each step."""
        return {layer.key(name): layer.values[name] for layer in self.layers for name in layer.states}

    def __getitem__(self, key: str) -> Array:
        """Errors: UnknownNameError with the nearest key"""
        found = self.arrays()
        if key not in found:
            raise UnknownNameError("traced value", str(key), found)
        return found[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays())

    def __len__(self) -> int:
        return len(self.arrays())

    def frame(self, kind: Frames = "polars") -> Any:
        """All of it as one tidy table: stack, layer, direction, step, token, name, unit, value; a row for each number.

        Steps and units count from 0. Errors: UsageError where pandas is asked for and is not installed
        """
        return as_frame(self._columns(), kind)

    def save(self, path: str | Path) -> Path:
        """Arrays as .npz, the tidy table as .csv or .parquet. Errors: UsageError for another ending"""
        place = Path(path)
        if place.suffix not in ENDINGS:
            raise UsageError(f"{place.name} ends in none of {', '.join(ENDINGS)}")
        if place.suffix == ".npz":
            tokens = {f"{one.stack}.tokens": np.array(one.tokens) for one in self.layers}
            np.savez_compressed(place, **self.arrays(), **tokens)  # type: ignore[arg-type]
        elif place.suffix == ".csv":
            self.frame().write_csv(place)
        else:
            self.frame().write_parquet(place)
        return place

    def plot(
        self,
        names: Sequence[str] = (),
        *,
        layer: int | None = None,
        units: int = 16,
        title: str = "",
        most: int = 200,
    ) -> str:
        """Gates and states over the input as heat maps, as SVG text; see `trace_pictures.draw_trace`."""
        from recurra.inspection.trace_pictures import draw_trace

        return draw_trace(self, names, layer=layer, units=units, title=title, most=most)

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        from recurra.report.svg import standalone

        return standalone(self.plot())

    def __repr__(self) -> str:
        shown = ", ".join(f"{key} {list(value.shape)}" for key, value in list(self.arrays().items())[:6])
        return f"<Trace of {len(self.layers)} layers: {shown}{', ...' if len(self) > 6 else ''}>"

    def _columns(self) -> dict[str, Any]:
        parts: dict[str, list[Any]] = {name: [] for name in ("stack", "layer", "direction", "step", "token", "name")}
        units, values = [], []
        for one in self.layers:
            for name, array in one.values.items():
                time, width = array.shape
                count = time * width
                row = (one.stack, one.layer, DIRECTIONS[one.direction])
                for column, cell in zip(("stack", "layer", "direction"), row, strict=True):
                    parts[column].append(np.full(count, cell))
                parts["step"].append(np.repeat(np.arange(time), width))
                parts["token"].append(np.repeat(np.array(one.tokens), width))
                parts["name"].append(np.full(count, name))
                units.append(np.tile(np.arange(width), time))
                values.append(array.reshape(-1))
        made = {name: np.concatenate(some) for name, some in (*parts.items(), ("unit", units), ("value", values))}
        return {name: list(map(str, cells)) if cells.dtype.kind == "U" else cells for name, cells in made.items()}


def as_frame(columns: Mapping[str, Any], kind: Frames) -> Any:
    """Columns as a table of that library. Errors: UsageError for pandas where it is not installed, UnknownNameError"""
    if kind == "polars":
        import polars

        return polars.DataFrame(dict(columns))
    if kind != "pandas":
        raise UnknownNameError("kind of table", str(kind), ("polars", "pandas"))
    try:
        import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise UsageError("pandas is not installed; leave kind out for a polars table, or pip install pandas") from None
    return pandas.DataFrame(dict(columns))


@torch.no_grad()
def trace(network: nn.Module, given: ForwardPass, *, engine: str | None = None) -> Trace:
    """Run a network over an input and look at every step of its recurrent layers.

    engine: computes the states, the layers' own if None
    Errors: EngineError if it cannot; UnknownNameError
    """
    found = courses(network, given, given.run, engine=engine)
    return Trace(_joined(name, parts, given.steps[name]) for name, stacks in found.items() for parts in stacks)


@torch.no_grad()
def courses(
    network: nn.Module,
    given: ForwardPass,
    run: Callable[[], object],
    *,
    engine: str | None = None,
    prepared: KeptStreams | None = None,
) -> dict[str, list[tuple[Course, ...]]]:
    """What the recurrent layers do while `run` reads an input: by stack, of each layer and direction its course.

    A stack that is called several times goes on each time, and has as many courses. prepared: see `step_through`

    Errors: as `trace`
    """
    network.eval()
    with recorded(network) as calls:
        run()
    whole: dict[str, list[list[Course]]] = {}
    for call in calls:
        if call.name not in given.steps:  # what makes a token's vector of its letters reads no step of the input
            continue
        whole.setdefault(call.name, []).append(_steps(call, engine, prepared))
    return {name: list(zip(*parts, strict=True)) for name, parts in whole.items()}


def _steps(call: Call, engine: str | None, prepared: KeptStreams | None) -> list[Course]:
    return step_through(call.stack, call.x, call.state, lengths=call.lengths, engine=engine, prepared=prepared)


def _joined(stack: str, courses: Sequence[Course], tokens: Sequence[str]) -> LayerTrace:
    first, found = courses[0], [course.values() for course in courses]
    values = {}
    for name in found[0]:
        array = torch.cat([values[name] for values in found], 1)[0].cpu()
        values[name] = (array.float() if array.dtype == torch.bfloat16 else array).numpy()
    time = sum(course.x.shape[1] for course in courses)
    if len(tokens) != time:
        raise AssertionError(f"{stack} took {time} steps, {len(tokens)} are named")
    return LayerTrace(
        stack, first.layer, first.direction, first.cell.name.partition("+")[0], first.cell.states, tuple(tokens), values
    )


@dataclass(frozen=True)
class Probabilities:
    """What a model thought at each step. values [T, C]; classes: of its columns; tokens: read by then, of its rows"""

    classes: tuple[str, ...]
    tokens: tuple[str, ...]
    values: npt.NDArray[np.float32]

    def top(self, count: int = 1) -> list[list[tuple[str, float]]]:
        """Of each step the most probable classes, best first."""
        order = np.argsort(-self.values, axis=1, kind="stable")[:, :count]
        return [
            [(self.classes[place], float(row[place])) for place in row_order]
            for row, row_order in zip(self.values, order.tolist(), strict=True)
        ]

    def frame(self, kind: Frames = "polars") -> Any:
        """A tidy table: step, token, class, probability. Errors: as `Trace.frame`"""
        time, count = self.values.shape
        columns = {
            "step": np.repeat(np.arange(time), count),
            "token": [token for token in self.tokens for _ in range(count)],
            "class": list(self.classes) * time,
            "probability": self.values.reshape(-1),
        }
        return as_frame(columns, kind)

    def plot(self, *, top: int = 5, title: str = "") -> str:
        """The most probable classes below each step of the input, as SVG text."""
        from recurra.inspection.trace_pictures import draw_probabilities

        return draw_probabilities(self, top=top, title=title)

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        from recurra.report.svg import standalone

        return standalone(self.plot())


@torch.no_grad()
def probabilities(given: ForwardPass, does: str) -> Probabilities:
    """Errors: UsageError for a model whose answers have no classes. does: what it does instead"""
    if given.probabilities is None:
        raise UsageError(f"this model gives no probabilities of classes: {given.why_none or does}")
    return Probabilities(tuple(given.classes), tuple(given.at), given.probabilities())
