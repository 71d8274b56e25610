"""Weights whose matrices are whole numbers of 8 bits, each row with a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.engines.heads import block_diagonal
from recurra.engines.request import CellWeights
from recurra.errors import UsageError

MATRICES = ("weight_ih", "weight_hh", "weight_hr")
"""Stored weights that products map with; the others stay as they are."""

LARGEST = 127


class Rounded(NamedTuple):
    """A matrix in 8 bits. Shapes: values int8 [R, C], scale [R], what each row is multiplied with"""

    values: Tensor
    scale: Tensor

    def dense(self) -> Tensor:
        """The matrix that it stands for, [R, C] in the type of the scale."""
        return self.values.to(self.scale.dtype) * self.scale.unsqueeze(1)


def rounded(matrix: Tensor) -> Rounded:
    """Each row as whole numbers from -127 to 127 times its largest size / 127, rounded to the nearest, ties to even.

    Shapes: [R, C]
    Errors: UsageError for numbers that are not finite
    """
    matrix = matrix.detach()
    size = matrix.abs().amax(1) if matrix.shape[1] else matrix.new_zeros(matrix.shape[0])
    if not bool(size.isfinite().all()):
        raise UsageError("a matrix with numbers that are not finite cannot be kept in 8 bits")
    scale = size / LARGEST
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    values = torch.round(matrix / scale.unsqueeze(1)).clamp(-LARGEST, LARGEST)
    return Rounded(values.to(torch.int8), scale)


class ByteWeights:
    """The weights of one layer and direction with matrices in 8 bits.

    tensors: those that are there by stored name, matrices int8; scales: of each matrix, float32 [R]; shadow: weights of
    the same shapes in float32, their matrices without numbers, for what only looks at forms; packed: what engines keep
    that was made of them, by a key of theirs.
    """

    def __init__(self, stored: Mapping[str, Tensor], scales: Mapping[str, Tensor], heads: int = 1) -> None:
        self.stored, self.scales, self.heads = dict(stored), dict(scales), heads
        self.packed: dict[object, Any] = {}
        shadow = {
            name: self.scales[name].new_zeros(1).expand(tensor.shape) if name in self.scales else tensor
            for name, tensor in self.stored.items()
        }
        self.shadow = CellWeights.of(shadow, heads)

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles pack anew."""
        return self.__dict__ | {"packed": {}}

    @property
    def vectors(self) -> list[Tensor]:
        """What is no matrix."""
        return [tensor for name, tensor in self.stored.items() if name not in self.scales]

    def whole(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The weights in the order of CellWeights, heads as blocks between zeros, and the scales of the matrices."""
        of = dict(self.stored)
        if self.heads > 1 and "weight_hh" in of:
            of["weight_hh"] = block_diagonal(of["weight_hh"], self.heads)
        return CellWeights.of(of).listed(), tuple(self.scales[name] for name in MATRICES if name in self.scales)

    def dense(self) -> CellWeights:
        """The weights that these stand for, in the type of the scales."""
        found = {
            name: Rounded(tensor, self.scales[name]).dense() if name in self.scales else tensor
            for name, tensor in self.stored.items()
        }
        return CellWeights.of(found, self.heads)
