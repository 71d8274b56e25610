"""Frames of numbers: one output for a whole sequence, or one for every frame."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.request import State, check_lengths
from recurra.errors import ShapeError
from recurra.layers.dropout import Dropout
from recurra.topologies.picture_encoder import PictureEncoder
from recurra.topologies.sequence_model import BOTH_WAYS, Loss, SequenceModel
from recurra.topologies.settings import FrameSettings
from recurra.topologies.stacks import build_stack
from recurra.topologies.time_pooling import pooled, why_no_state_of


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

    width: numbers of a frame; encoder: what makes a vector of a picture and the one before it, trained with the rest;
    the state holds the last picture of each row then
    """

    def __init__(
        self,
        width: int,
        classes: int,
        settings: FrameSettings,
        *,
        per_frame: bool,
        encoder: PictureEncoder | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.stack = build_stack(width if encoder is None else encoder.output_size, settings)
        self.pooling, self.per_frame = settings.pooling, per_frame
        self.delay = settings.delay if per_frame else 0
        self.dropout = Dropout(settings.dropout)
        parts = 3 if settings.pooling == "all" and not per_frame else 1
        self.head = nn.Linear(parts * self.stack.output_size, classes)

    def why_no_state(self) -> str | None:
        if self.stack.bidirectional:
            return BOTH_WAYS
        if self.delay:
            return f"a frame is labelled {self.delay} frames later, which the next call may not bring"
        return None if self.per_frame else why_no_state_of(self.pooling)

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Shapes: inputs [B, T, I] -> logits [B, C], per frame [B, T, C]; the layers' last states, last pictures"""
        self.check_state(state)
        layers, vectors, before = state, inputs, None
        if self.encoder is not None:
            if state is not None and state[-1].shape != (1, len(inputs), inputs.shape[2]):
                raise ShapeError(
                    f"a state ends with the pictures before, [1, {len(inputs)}, {inputs.shape[2]}], got "
                    f"{list(state[-1].shape)}"
                )
            if state is not None:
                layers, before = state[:-1], state[-1].squeeze(0)
            vectors = self._vectors(self.encoder, inputs, lengths, before)
        y, last = self._later(vectors, lengths) if self.delay else self.stack(vectors, layers, lengths=lengths)
        if self.encoder is not None:
            last = (*last, ends(inputs, lengths).unsqueeze(0).to(y.dtype))
        if not self.per_frame:
            whole = torch.full((len(y),), y.shape[1]) if lengths is None else lengths
            y = pooled(self.pooling, self.stack, y, last, whole)
        return self.head(self.dropout(y)), last

    def _vectors(
        self, encoder: PictureEncoder, inputs: Tensor, lengths: Tensor | None, before: Tensor | None
    ) -> Tensor:
        """What the recurrent layers read; pictures past each row's end are not looked at.

        before: the frame before the first, which itself if None. Shapes: [B, T, I], [B], [B, I] -> [B, T, size]
        """
        batch, time = inputs.shape[:2]
        first = inputs[:, :1] if before is None else before.unsqueeze(1).to(inputs.dtype)
        earlier = torch.cat([first, inputs[:, :-1]], 1)
        if lengths is None:
            every: Tensor = encoder(inputs.flatten(0, 1), earlier.flatten(0, 1))
            return every.view(batch, time, -1)
        there = within(lengths, time, inputs.device)
        found: Tensor = encoder(inputs[there], earlier[there])
        return found.new_zeros(batch, time, found.shape[1]).masked_scatter(there.unsqueeze(2), found)

    def _later(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, State]:
        """What is made of each frame when `delay` more were read: past the end these are 0, the mean of many frames."""
        lengths = torch.full((len(x),), x.shape[1]) if lengths is None else lengths
        check_lengths(lengths, x.shape[1])
        there = within(lengths, x.shape[1], x.device).unsqueeze(-1)
        padded = functional.pad(torch.where(there, x, 0), (0, 0, 0, self.delay))
        y, last = self.stack(padded, None, lengths=lengths + self.delay)
        return y[:, self.delay :], last

    def loss(self, batch: FramesBatch, state: State | None = None) -> Loss:
        """Mean cross-entropy of the classes. Units: nats per sequence, or per frame"""
        logits, _ = self.forward(batch.x, batch.lengths, state)
        flat = inside(logits, batch.lengths) if self.per_frame else logits
        if batch.shift is not None:
            flat = flat + batch.shift
        return Loss(functional.cross_entropy(flat.float(), batch.classes), len(batch.classes))


def inside(y: Tensor, lengths: Tensor) -> Tensor:
    """Without what lies past each row's end. Shapes: [B, T, C], [B] -> [sum of lengths, C]"""
    return y[within(lengths, y.shape[1], y.device)]


def ends(x: Tensor, lengths: Tensor | None) -> Tensor:
    """The last step of each row. Shapes: [B, T, I], [B] -> [B, I]"""
    if lengths is None:
        return x[:, -1]
    return x[torch.arange(len(x), device=x.device), lengths.to(x.device) - 1]


def within(lengths: Tensor, time: int, device: torch.device) -> Tensor:
    """Whether a step is of its row. Shapes: [B] -> bool [B, T]"""
    return torch.arange(time, device=device) < lengths.to(device).unsqueeze(1)
