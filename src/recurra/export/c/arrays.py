"""Weights as constant arrays of C, as floats or as bytes with a scale for each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from recurra.export.layer_steps import Floats

Precision = Literal["float32", "int8"]
LINE = 110


def quantised(matrix: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Whole numbers from -127 to 127, and what each row of them is multiplied with. Shapes: [R, C] -> [R, C], [R]"""
    scale = np.abs(matrix).max(1, initial=0.0).astype(np.float32) / np.float32(127)
    scale[scale == 0] = 1.0
    return np.rint(matrix / scale[:, None]).astype(np.int8), scale


@dataclass(frozen=True)
class Matrix:
    """A matrix that stands in the source. scale: the name of its rows' scales, where it is of bytes"""

    name: str
    rows: int
    columns: int
    scale: str | None


class Arrays:
    """What is collected while a source is written. bytes: of all of it, as it lies in memory"""

    def __init__(self, precision: Precision) -> None:
        self.precision, self.bytes = precision, 0
        self.used: set[str] = set()
        self._texts: list[str] = []

    def vector(self, name: str, values: Floats) -> str:
        """The array's name; `@` stands for the prefix of all names."""
        flat = np.asarray(values, np.float32).reshape(-1)
        self._texts.append(_array("float", f"@{name}", map(number, flat.tolist()), len(flat)))
        self.bytes += 4 * len(flat)
        return f"@{name}"

    def matrix(self, name: str, values: Floats) -> Matrix:
        """For products: stored column by column."""
        return self._stored(name, values, by_column=True)

    def table(self, name: str, values: Floats, gain: float = 1.0) -> Matrix:
        """For looking up rows: stored row by row. gain: what all of it is multiplied with"""
        return self._stored(name, values, by_column=False, gain=gain)

    def _stored(self, name: str, values: Floats, *, by_column: bool, gain: float = 1.0) -> Matrix:
        rows, columns = values.shape
        if self.precision == "float32":
            values = values * np.float32(gain)
            self.vector(name, values.T if by_column else values)
            return Matrix(f"@{name}", rows, columns, None)
        small, scale = quantised(values)
        scale = scale * np.float32(gain)
        flat = (small.T if by_column else small).reshape(-1).tolist()
        self._texts.append(_array("int8_t", f"@{name}", map(str, flat), len(flat)))
        self.bytes += len(flat)
        return Matrix(f"@{name}", rows, columns, self.vector(f"{name}_scale", scale))

    def product(self, matrix: Matrix, x: str, y: str) -> str:
        """The statement y = W x."""
        sizes = f"{matrix.rows}, {matrix.columns}"
        if matrix.scale is None:
            self.used.add("product")
            return f"@product({matrix.name}, {x}, {y}, {sizes});"
        self.used.add("product8")
        return f"@product8({matrix.name}, {matrix.scale}, {x}, {y}, {sizes});"

    def text(self) -> str:
        return "\n".join(self._texts)


def number(value: float) -> str:
    """A float as C writes it, with the digits that tell it from its neighbours."""
    short = f"{value:.9g}"
    return f"{short}f" if any(sign in short for sign in ".e") else f"{short}.0f"


def string(text: str) -> str:
    """A string literal that every compiler reads alike: what is not plain ASCII is octal."""
    plain = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '\\"?@' else f"\\{b:03o}" for b in text.encode("utf-8"))
    return f'"{plain}"'


def strings(name: str, texts: Sequence[str]) -> str:
    """An array of strings that the header declares."""
    return f"const char *const {name}[{len(texts)}] = {{\n{_wrapped(map(string, texts))}\n}};\n"


def integers(kind: str, name: str, values: Sequence[int]) -> str:
    return _array(kind, name, map(str, values), len(values))


def _array(kind: str, name: str, items: Iterable[str], count: int) -> str:
    return f"static const {kind} {name}[{count}] = {{\n{_wrapped(items)}\n}};\n"


def _wrapped(items: Iterable[str]) -> str:
    lines, line, width = [], list[str](), 0
    for item in items:
        if width + len(item) > LINE:
            lines.append(", ".join(line))
            line, width = [], 0
        line.append(item)
        width += len(item) + 2
    lines.append(", ".join(line))
    return ",\n".join(lines)
