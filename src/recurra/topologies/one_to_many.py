"""1 to N: a whole sequence from one condition, such as a class or a vector of attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.request import Embedded, State
from recurra.layers.dropout import Dropout
from recurra.topologies.embedding import TokenTable
from recurra.topologies.sequence_model import Loss, SequenceModel
from recurra.topologies.settings import ConditionedSettings
from recurra.topologies.stacks import build_stack


class Conditioned(NamedTuple):
    """Tokens to read and what the text is to be. Shapes: tokens int64 [B, T]; indices int64 [B, A], a value of each
    attribute
    """

    tokens: Tensor
    indices: Tensor


class ConditionedBatch(NamedTuple):
    """Texts of conditions. Shapes: targets int64 [B, T], what follows each token; lengths int64 [B]"""

    inputs: Conditioned
    targets: Tensor
    lengths: Tensor


class ConditionedDecoder(SequenceModel[Conditioned, ConditionedBatch]):
    """Token table, recurrent layers and one output per token, told what to write.

    Each attribute's value has a vector; a condition is their sum. settings.condition says where it enters: "state", it
    makes the initial states of all layers; "input", it stands beside every token of the first layer; "both".
    outputs: tokens that may be written, the end among them; tokens: those that are read, the begin too.
    """

    def __init__(self, tokens: int, outputs: int, attributes: Sequence[int], settings: ConditionedSettings) -> None:
        super().__init__()
        width = settings.embedding_size
        self.table = TokenTable(tokens, width, dropout=settings.embedding_dropout)
        self.values = nn.ModuleList(nn.Embedding(size, width) for size in attributes)
        self.beside = settings.condition in ("input", "both")
        self.stack = build_stack(2 * width if self.beside else width, settings)
        rows = settings.num_layers * settings.hidden_size * len(self.stack.cell.states)
        self.bridge = nn.Linear(width, rows) if settings.condition in ("state", "both") else None
        self.dropout = Dropout(settings.dropout)
        self.head = nn.Linear(self.stack.output_size, outputs)

    def condition(self, indices: Tensor) -> Tensor:
        """Shapes: indices int64 [B, A], a value of each attribute -> vectors [B, E]"""
        vectors: Tensor = torch.stack([value(indices[:, i]) for i, value in enumerate(self.values)]).sum(0)
        return vectors

    def start(self, vectors: Tensor) -> State:
        """Shapes: vectors [B, E] -> for each state of the cell [L, B, H]"""
        if self.bridge is None:
            return self.stack.initial_state(len(vectors))
        rows = self.bridge(vectors).tanh().view(len(vectors), len(self.stack.cell.states), self.stack.num_layers, -1)
        return tuple(rows.permute(1, 2, 0, 3).contiguous())

    def forward(
        self, inputs: Conditioned, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """What follows each token. Shapes: -> logits [B, T, outputs]; the layers' last states"""
        y, state = self.hidden(inputs, lengths, state)
        return self.logits(y), state

    def hidden(
        self, inputs: Conditioned, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """The outputs of the last layer, of which `logits` makes those of the tokens.

        Shapes: -> y [B, T, H]; the layers' last states
        """
        vectors = self.condition(inputs.indices)
        if state is None:
            state = self.start(vectors)
        found: tuple[Tensor, State] = self.stack(self._inputs(*inputs, vectors), state, lengths=lengths)
        return found

    def losses(self, batch: ConditionedBatch, state: State | None = None) -> tuple[Tensor, State]:
        """What each token costs. Shapes: -> [sum of lengths], row after row; the last states. Units: nats"""
        y, state = self.hidden(batch.inputs, batch.lengths, state)
        inside = torch.arange(y.shape[1], device=y.device) < batch.lengths.to(y.device).unsqueeze(1)
        logits = self.logits(y[inside])
        return functional.cross_entropy(logits.float(), batch.targets[inside], reduction="none"), state

    def loss(self, batch: ConditionedBatch, state: State | None = None) -> Loss:
        """Mean of the targets' losses. Units: nats per token"""
        losses, _ = self.losses(batch, state)
        return Loss(losses.mean(), len(losses))

    def logits(self, y: Tensor) -> Tensor:
        """Shapes: y [..., H] -> [..., outputs]"""
        logits: Tensor = self.head(self.dropout(y))
        return logits

    def _inputs(self, tokens: Tensor, indices: Tensor, vectors: Tensor) -> Tensor | Embedded:
        """What the first layer reads. A condition beside the tokens makes a table of its own for each that occurs,
        where that is shorter than the batch, so that engines may still project a table instead of every step.
        """
        found: Embedded = self.table(tokens)
        if not self.beside:
            return found
        different, which, first = _different(indices)
        kinds = found.tokens
        if different * len(found.table) < kinds.numel():
            width = found.table.shape[1]
            rows = found.table.expand(different, -1, -1)
            beside = vectors[first].unsqueeze(1).expand(-1, len(found.table), -1)
            table = torch.cat([rows, beside], -1).reshape(-1, 2 * width)
            return Embedded(kinds + which.unsqueeze(1) * len(found.table), table)
        beside = vectors.unsqueeze(1).expand(-1, kinds.shape[1], -1)
        return torch.cat([found.table[kinds], beside], -1)


def _different(indices: Tensor) -> tuple[int, Tensor, Tensor]:
    """How many different rows there are, which of them each row is, and where each stands first.

    Shapes: indices [B, A] -> int, int64 [B], int64 [D]
    """
    rows, which = torch.unique(indices, dim=0, return_inverse=True)
    order = torch.arange(len(indices), device=indices.device)
    first = torch.full((len(rows),), len(indices), device=indices.device).scatter_reduce(0, which, order, "amin")
    return len(rows), which, first
