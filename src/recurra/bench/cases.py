"""What is measured: kinds of work, cells, shapes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from recurra.cells.catalogue import BUILT_IN
from recurra.errors import UnknownNameError, UsageError

Kind = Literal["training", "inference", "ragged", "stream", "cells", "gallery", "linear", "accuracy", "step"]
Precision = Literal["float32", "bfloat16", "int8"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
USUAL: tuple[Kind, ...] = ("training", "inference")
"""What is measured when nothing else is asked for."""


@dataclass(frozen=True)
class Shape:
    """T x B x I x H of one layer."""

    time: int
    batch: int
    input_size: int
    hidden_size: int

    def __str__(self) -> str:
        return f"{self.time}x{self.batch}x{self.input_size}x{self.hidden_size}"


@dataclass(frozen=True)
class Case:
    """One piece of work.

    lengths: shortest and longest row of a ragged batch; layers, directions: of the stack; task: whose default model a
    whole step is of, in sizes that are about the shape's; if none, a character model of these.
    """

    kind: Kind
    cell: str
    shape: Shape
    precision: Precision = "float32"
    lengths: tuple[int, int] | None = None
    layers: int = 1
    directions: int = 1
    task: str | None = None

    @property
    def title(self) -> str:
        """The shape and what else is unusual about it."""
        more = [] if self.task is None else [self.task]
        more += [f"lengths {self.lengths[0]}-{self.lengths[1]}"] if self.lengths else []
        more += ["both directions"] if self.directions == 2 else []
        more += [f"{self.layers} layers"] if self.layers > 1 else []
        return ", ".join([str(self.shape), *more])


OWN_CELL = "bench-leaky"
"""The cell that is written only in this room, see `loops`."""
VARIANTS = ("peephole-lstm", "coupled-lstm", "gru-cho", "lstm-layernorm", OWN_CELL)
"""Cells that torch has not."""
LINEAR = ("min-gru", "sru")
"""Cells without a recurrent product."""
GALLERY = tuple(cell.name for cell in BUILT_IN)
"""The whole catalogue."""
PLAIN = ("rnn", "gru", "lstm")
"""Cells that torch has."""


def shape(text: str) -> Shape:
    """`100x32x128x128` as T x B x I x H. Errors: UsageError"""
    found = re.fullmatch(r"(\d+)x(\d+)x(\d+)x(\d+)", text.strip().lower())
    if found is None or "0" in (sizes := [size.lstrip("0") or "0" for size in found.groups()]):
        raise UsageError(f"{text!r} is not a shape; give TxBxIxH, four whole numbers from 1, as in 100x32x128x128")
    return Shape(*map(int, sizes))


_SMALL = ("100x1x128x128", "50x16x64x64")
_LAYERS = {
    "rnn": (*_SMALL, "100x64x256x256"),
    "gru": (*_SMALL, "100x32x128x128", "100x64x256x256"),
    "lstm": (*_SMALL, "100x32x128x128", "100x64x256x256", "50x64x512x512"),
}


_INT8 = ("100x1x256x256", "100x64x256x256", "100x1x512x512", "50x64x512x512")
_INT8_STEPS = ("100x1x256x256", "100x1x512x512")


def _layers(kind: Kind) -> list[Case]:
    return [Case(kind, cell, shape(text)) for cell, shapes in _LAYERS.items() for text in shapes]


def _training() -> list[Case]:
    half = [Case("training", "lstm", shape(s), "bfloat16") for s in ("50x64x512x512", "35x128x1024x1024")]
    return _layers("training") + half


def _ragged() -> list[Case]:
    return [
        Case("ragged", "lstm", shape("100x64x128x256"), lengths=(5, 100)),
        Case("ragged", "gru", shape("12x128x64x128"), lengths=(3, 12), directions=2),
    ]


_TASKS = (
    Case("step", "gru", Shape(12, 128, 64, 128), directions=2, task="classify"),
    Case("step", "lstm", Shape(30, 32, 200, 128), directions=2, task="tag"),
    Case("step", "gru", Shape(21, 64, 256, 256), directions=2, task="translate"),
    Case("step", "gru", Shape(168, 64, 5, 32), task="forecast"),
    Case("step", "lstm", Shape(64, 32, 64, 256), task="language"),
)
"""As the defaults of these tasks and the data of `examples` make them."""


def _step() -> list[Case]:
    characters = [Case("step", "lstm", shape("32x32x64x256"))]
    small = [Case("step", cell, shape("64x64x128x128")) for cell in PLAIN]
    large = [Case("step", cell, shape("64x64x128x256"), layers=2) for cell in PLAIN]
    half = [replace(case, precision="bfloat16") for case in large if case.cell != "rnn"]
    as_trained = [replace(case, precision="bfloat16") for case in _TASKS]  # where the processor has such products
    return [*small, *large, *half, *characters, *_TASKS, *as_trained]


def _usual(kind: Kind) -> list[Case]:
    match kind:
        case "training":
            return _training()
        case "inference":
            return _layers("inference")
        case "ragged":
            return _ragged()
        case "stream":
            return [Case("stream", cell, shape("100x1x128x256")) for cell in PLAIN]
        case "cells":
            return [Case("cells", cell, shape(s)) for s in ("50x32x128x128", "100x64x256x256") for cell in VARIANTS]
        case "gallery":
            return [Case("gallery", cell, shape("50x32x128x128")) for cell in GALLERY]
        case "linear":
            return [Case("linear", cell, shape("4096x1x256x256")) for cell in LINEAR]
        case "accuracy":
            learning: tuple[Precision, ...] = ("float32", "bfloat16")  # the error of 8 bits is a folder's, not a cell's
            one = shape("100x16x128x128")
            return [Case("accuracy", cell, one, p) for p in learning for cell in (*PLAIN, *VARIANTS)]
        case "step":
            return _step()


def plan(
    kinds: Sequence[str],
    *,
    cells: Sequence[str] | None = None,
    shapes: Sequence[Shape] | None = None,
    precision: str | None = None,
) -> list[Case]:
    """The cases of some kinds, all of them for "all".

    Without shapes they are the kinds' own, and without a precision each kind's own precisions; shapes stand in the
    place of a kind's own, for each of its cells, in float32 if nothing else is asked for.
    Errors: UnknownNameError; UsageError where nothing is left, such as for cells that none of the kinds has
    """
    for kind in kinds:
        if kind not in (*KINDS, "all"):
            raise UnknownNameError("kind", kind, (*KINDS, "all"))
    if precision not in (None, *PRECISIONS):
        raise UnknownNameError("precision", str(precision), PRECISIONS)
    for cell in cells or ():
        if cell not in (*GALLERY, OWN_CELL):
            raise UnknownNameError("cell of the benchmark", cell, (*GALLERY, OWN_CELL))
    chosen = [kind for kind in KINDS if kind in kinds or "all" in kinds]
    found = [case for kind in chosen for case in _of_kind(kind, shapes, precision) if not cells or case.cell in cells]
    if not found:
        wanted = [*(cells or ()), *([precision] if precision else [])]
        raise UsageError(f"nothing to measure: {', '.join(chosen) or 'no kind'} is not done with {', '.join(wanted)}")
    return found


def _of_kind(kind: Kind, shapes: Sequence[Shape] | None, precision: str | None) -> list[Case]:
    cases = _usual(kind)
    if precision == "int8":
        if kind not in ("inference", "stream"):
            return []  # weights of 8 bits answer, they do not learn
        cells = PLAIN if shapes is not None else ("gru", "lstm")
        own = shapes or [shape(text) for text in (_INT8 if kind == "inference" else _INT8_STEPS)]
        return [Case(kind, cell, s, "int8") for cell in cells for s in own]
    if kind == "stream" and precision == "bfloat16":
        return []  # one row leaves nothing for bfloat16 products to gain; streams are float32
    if shapes is None:
        same = [case for case in cases if precision in (None, case.precision)]
        return same or [replace(case, precision=_checked(precision)) for case in cases]
    shaped = [case for case in cases if case.task is None]
    firsts = {case.cell: case for case in reversed(shaped)}
    return [
        replace(firsts[cell], shape=s, precision=_checked(precision), layers=1, lengths=_lengths(firsts[cell], s))
        for s in shapes
        for cell in dict.fromkeys(case.cell for case in shaped)
    ]


def _checked(precision: str | None) -> Precision:
    return next((known for known in PRECISIONS if known == precision), "float32")


def _lengths(case: Case, given: Shape) -> tuple[int, int] | None:
    """Of a ragged batch of another shape: as unequal as those of 5 to 100 steps."""
    return None if case.lengths is None else (max(1, given.time // 20), given.time)
