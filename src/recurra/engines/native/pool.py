"""Tensors whose memory the core keeps between calls: what a layer keeps for its backward pass, and large results.

The C library gives large memory back to the system as soon as nobody uses it, and to get it again page by page costs a
training step of a small layer up to a tenth of its time.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_void_p, py_object

from torch import Tensor
from torch.utils.dlpack import from_dlpack

from recurra.engines.native import library

LARGE = 1 << 17
"""Bytes from which on glibc may take memory from the system, for each tensor anew."""

_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype, _capsule.argtypes = py_object, (c_void_p, c_char_p, c_void_p)


def buffer(core: library.Library, size: int) -> Tensor:
    """Bytes from the core's pool, uint8 [size]; they go back with the last tensor that uses them.

    Errors: MemoryError
    """
    managed = core.c.recurra_buffer(size) if size >= 0 else None
    if not managed:
        raise MemoryError(f"no {size} bytes for what a layer gives, or keeps for its backward pass")
    found: Tensor = from_dlpack(_capsule(managed, b"dltensor", None))
    return found


def matrix(core: library.Library, like: Tensor, rows: int, columns: int) -> Tensor:
    """A result [rows, columns] of the type of `like`, its numbers not yet written; from the pool where it is large."""
    size = rows * columns * like.element_size()
    if size < LARGE:
        return like.new_empty(rows, columns)  # a shape as a whole takes twice as long
    return like.new_empty(0).set_(buffer(core, size).untyped_storage(), 0, (rows, columns), (columns, 1))


def sequences(
    core: library.Library, like: Tensor, batch: int, time: int, width: int, *, time_first: bool = False
) -> Tensor:
    """The same [batch, time, width]; time_first: in memory."""
    size = batch * time * width * like.element_size()
    if size < LARGE and not time_first:
        return like.new_empty(batch, time, width)
    shape, strides = (batch, time, width), (width, batch * width, 1) if time_first else (time * width, width, 1)
    if size < LARGE:
        return like.new_empty_strided(shape, strides)
    return like.new_empty(0).set_(buffer(core, size).untyped_storage(), 0, shape, strides)  # no view of anything
