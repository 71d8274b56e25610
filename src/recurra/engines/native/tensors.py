"""Tensors as the core reads them: types that it has, numbers that lie in memory."""

from __future__ import annotations

import ctypes
from operator import mul
from typing import Any

import torch
from torch import Tensor

from recurra.engines.native import library
from recurra.errors import ShapeError

TYPES = {torch.float32: library.F32, torch.float64: library.F64}

MOST_ZEROS = 1 << 20
"""Bytes of zeros that are kept."""

_zeros: tuple[Any, int] = (None, 0)


def zeros(size: int) -> tuple[Any, int]:
    """So many bytes of zero, which are only read, and where they are; nobody else sees them."""
    global _zeros
    held, at = _zeros
    if held is None or len(held) < size:
        held = ctypes.create_string_buffer(size)
        at = ctypes.addressof(held)
        if size <= MOST_ZEROS:
            _zeros = held, at
    return held, at


def rows(tensor: Tensor) -> Tensor:
    """The numbers one after the other in memory, as they are: a pointer knows nothing of a sign that torch keeps aside,
    nor of zeros that lie nowhere.

    Errors: ShapeError where the memory was given back
    """
    if (  # nearly always; `_is_whole` without a call
        tensor.is_contiguous()
        and tensor.storage_offset() == 0
        and tensor.untyped_storage().nbytes() >= tensor.nbytes
        and not tensor.is_neg()
        and not tensor._is_zerotensor()
    ):
        return tensor
    return plain(tensor).contiguous()


def plain(tensor: Tensor) -> Tensor:
    """The same as `rows`, with the strides as they are."""
    if tensor.storage_offset() == 0 and tensor.is_contiguous() and _is_whole(tensor):
        return tensor
    if tensor.is_neg():
        tensor = tensor.resolve_neg()
    if tensor._is_zerotensor():
        tensor = tensor.clone()
    size = tensor.untyped_storage().nbytes()
    if size < _reach(tensor):
        raise ShapeError(
            f"a tensor {list(tensor.shape)}, {tensor.dtype}, has {size} bytes of memory left: its storage was given "
            "back or made smaller"
        )
    return tensor


def vectors(tensor: Tensor) -> Tensor:
    """The same with the last axis one after the other in memory, the others' strides as they are. Shapes: [B, T, W]"""
    tensor = plain(tensor)
    return tensor.contiguous() if tensor.stride(2) != 1 and tensor.shape[2] > 1 else tensor


def _is_whole(tensor: Tensor) -> bool:
    """Whether all numbers of a contiguous tensor lie in its memory as they are."""
    return tensor.untyped_storage().nbytes() >= tensor.nbytes and not tensor.is_neg() and not tensor._is_zerotensor()


def _reach(tensor: Tensor) -> int:
    """Bytes of a storage up to the last number."""
    if tensor.numel() == 0:
        return 0
    strides = tensor.stride()
    last = sum(map(mul, tensor.shape, strides)) - sum(strides)
    return int(tensor.storage_offset() + last + 1) * tensor.element_size()
