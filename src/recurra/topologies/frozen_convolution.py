"""A convolution and its batch norm with weights that stay as they are."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Padding = Literal["ceiling", "half"]
NORM = {"weight": "scale", "bias": "shift", "running_mean": "mean", "running_var": "variance"}
"""Our names of a batch norm's tensors, by torch's."""


class FrozenConvolution(nn.Module):
    """A convolution and a batch norm whose weights are buffers: no optimizer sees them, and a model folder holds them.

    padding: "half" of the kernel on each side; "ceiling", as TensorFlow pads, so that the grid is the ceiling of its
    size over the stride, of an odd number the larger half after it. epsilon: of the norm, which uses stored moments,
    never a batch's.
    Shapes: [B, C, H, W] -> [B, D, H', W']
    """

    weight: Tensor
    scale: Tensor
    shift: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        *,
        padding: Padding,
        epsilon: float,
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.groups = kernel, stride, groups
        self.padding, self.epsilon = padding, epsilon
        self.register_buffer("weight", torch.zeros(outputs, inputs // groups, kernel, kernel))
        for name, start in (("scale", 1.0), ("shift", 0.0), ("mean", 0.0), ("variance", 1.0)):
            self.register_buffer(name, torch.full((outputs,), start))

    def forward(self, x: Tensor) -> Tensor:
        pads = [side for size in (x.shape[3], x.shape[2]) for side in self._pads(size)]
        y = functional.conv2d(functional.pad(x, pads), self.weight, stride=self.stride, groups=self.groups)
        return functional.batch_norm(y, self.mean, self.variance, self.scale, self.shift, False, 0.0, self.epsilon)

    def _pads(self, size: int) -> tuple[int, int]:
        if self.padding == "half":
            return self.kernel // 2, self.kernel // 2
        steps = -(-size // self.stride)
        whole = max((steps - 1) * self.stride + self.kernel - size, 0)
        return whole // 2, whole - whole // 2
