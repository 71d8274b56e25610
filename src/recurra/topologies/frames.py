"""Frames of numbers: one output for a whole sequence, or one for every frame."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.request import State
from recurra.topologies.many_to_one import pooled, why_no_state_of
from recurra.topologies.sequence_model import BOTH_WAYS, Loss, SequenceModel
from recurra.topologies.settings import FrameSettings
from recurra.topologies.stacks import build_stack


class FramesBatch(NamedTuple):
    """Sequences and their classes.

    shift: added to the logits in training
    Shapes: x [B, T, I], 0 past each row's end; lengths int64 [B]; classes int64 [B], per frame one after the other
            [sum of lengths]; shift [C]
    """

    x: Tensor
    lengths: Tensor
    classes: Tensor
    shift: Tensor | None = None


class FrameNetwork(SequenceModel[Tensor, FramesBatch]):
    """Recurrent layers over frames; N to 1: pooling over time before the output, N to N: an output for each frame.

    width: numbers of a frame
    """

    def __init__(self, width: int, classes: int, settings: FrameSettings, *, per_frame: bool) -> None:
        super().__init__()
        self.stack = build_stack(width, settings)
        self.pooling, self.per_frame = settings.pooling, per_frame
        self.dropout = nn.Dropout(settings.dropout)
        parts = 3 if settings.pooling == "all" and not per_frame else 1
        self.head = nn.Linear(parts * self.stack.output_size, classes)

    def why_no_state(self) -> str | None:
        if self.stack.bidirectional:
            return BOTH_WAYS
        return None if self.per_frame else why_no_state_of(self.pooling)

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Shapes: inputs [B, T, I] -> logits [B, C], per frame [B, T, C]; the layers' last states"""
        self.check_state(state)
        y, last = self.stack(inputs, state, lengths=lengths)
        if not self.per_frame:
            whole = torch.full((len(y),), y.shape[1]) if lengths is None else lengths
            y = pooled(self.pooling, self.stack, y, last, whole)
        return self.head(self.dropout(y)), last

    def loss(self, batch: FramesBatch, state: State | None = None) -> Loss:
        """Mean cross-entropy of the classes. Units: nats per sequence, or per frame"""
        logits, _ = self.forward(batch.x, batch.lengths, state)
        flat = inside(logits, batch.lengths) if self.per_frame else logits
        if batch.shift is not None:
            flat = flat + batch.shift
        return Loss(functional.cross_entropy(flat.float(), batch.classes), len(batch.classes))


def inside(y: Tensor, lengths: Tensor) -> Tensor:
    """Without what lies past each row's end. Shapes: [B, T, C], [B] -> [sum of lengths, C]"""
    there = torch.arange(y.shape[1], device=y.device) < lengths.to(y.device).unsqueeze(1)
    return y[there]
