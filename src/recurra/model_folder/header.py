"""What a safetensors file says that it holds: read from its head alone, so that it costs nothing to refuse the file."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recurra.errors import ModelFolderError
from recurra.model_folder import manifest
from recurra.model_folder.manifest import Entry

LONGEST = 1 << 25
"""Bytes of a head at most: a hundred for each tensor, so more than 300,000 tensors."""
_ITEM_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1,
    "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """A tensor's type, as safetensors names it ("F32"), and its shape."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.shape)}"


def forms(folder: Path, one: Entry) -> dict[str, Form]:
    """The tensors of a safetensors file by name.

    Errors: ModelFolderError if it is none, or its tensors do not fill it from end to end
    """
    with manifest.opened(folder, one.file) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(LONGEST, size - 8):
            raise _none(folder, one, f"its head has {length} bytes, the file {size}")
        head = file.read(length)
    found: dict[str, Form] = {}
    ranges: list[tuple[int, int]] = []
    for name, value in manifest.parse(folder, f"the head of {one.file}", head).items():
        if name != "__metadata__":
            found[name], span = _form(folder, one, name, value)
            ranges.append(span)
    end = 0
    for start, stop in sorted(ranges):
        if start != end:
            raise _none(folder, one, f"its tensors leave a gap or overlap at byte {end}")
        end = stop
    if end != size - 8 - length:
        raise _none(folder, one, f"its tensors have {end} bytes, the file {size - 8 - length} for them")
    return found


def _form(folder: Path, one: Entry, name: str, value: Any) -> tuple[Form, tuple[int, int]]:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise _none(folder, one, f"{name!r:.100} lacks dtype, shape or data_offsets")
    dtype, shape, span = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _ITEM_BYTES:
        raise _none(folder, one, f"{name!r:.100} is of the type {dtype!r:.40}")
    if not _whole_numbers(shape) or len(shape) > 8 or not _whole_numbers(span) or len(span) != 2:
        raise _none(folder, one, f"{name!r:.100} has no shape or no place")
    if span[1] - span[0] != math.prod(shape) * _ITEM_BYTES[dtype]:
        raise _none(folder, one, f"{name!r:.100} is {dtype} {shape}, but has {span[1] - span[0]} bytes")
    return Form(dtype, tuple(shape)), (span[0], span[1])


def _whole_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)


def _none(folder: Path, one: Entry, why: str) -> ModelFolderError:
    return ModelFolderError(f"{folder}: {one.file} is not a safetensors file: {why}")
