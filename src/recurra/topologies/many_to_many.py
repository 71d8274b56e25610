"""N to N: an output for every input, such as the next token after each token."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.layers.dropout import dropout, locked
from recurra.topologies.carry import reset_rows
from recurra.topologies.embedding import TokenTable
from recurra.topologies.outputs import AdaptiveSoftmax, SampledSoftmax, Softmax
from recurra.topologies.sequence_model import Loss, SequenceModel
from recurra.topologies.settings import NextTokenSettings
from recurra.topologies.stacks import build_stack

MANY = 2000
"""From so many tokens on the output layer is adaptive unless asked otherwise: at 10,000 it is 5 times as fast."""
HEADS = {"softmax": Softmax, "sampled": SampledSoftmax, "adaptive": AdaptiveSoftmax}


def output_for(vocabulary_size: int, settings: NextTokenSettings) -> Literal["softmax", "sampled", "adaptive"]:
    """The output layer that is asked for, or, for "auto", the one that suits the vocabulary."""
    if settings.output != "auto":
        return settings.output
    return "adaptive" if vocabulary_size >= MANY else "softmax"


class TokenBatch(NamedTuple):
    """Tokens and what follows each.

    fresh: rows that begin anew whatever state is carried
    Shapes: tokens and targets int64 [B, T], lengths int64 [B] or None for all T, fresh bool [B]
    """

    tokens: Tensor
    targets: Tensor
    lengths: Tensor | None = None
    fresh: Tensor | None = None


class NextToken(SequenceModel[Tensor, TokenBatch]):
    """A language model: token table, recurrent layers, one output per token of the vocabulary.

    Errors: UsageError for settings that a model of the next token cannot have
    """

    def __init__(self, vocabulary_size: int, settings: NextTokenSettings) -> None:
        super().__init__()
        if settings.tie_weights and settings.embedding_size != settings.hidden_size:
            raise UsageError(
                f"tie_weights needs embedding_size = hidden_size, got {settings.embedding_size} and "
                f"{settings.hidden_size}"
            )
        # a tied table makes the logits too, so its entries are small; read as inputs they are as large as others, for
        # with small ones a network carries states that it never finds out of
        scale = settings.embedding_size**-0.5 if settings.tie_weights else 1.0
        self.table = TokenTable(
            vocabulary_size,
            settings.embedding_size,
            dropout=settings.embedding_dropout,
            column_dropout=settings.input_dropout,
            scale=scale,
            gain=1 / scale,
        )
        self.stack = build_stack(settings.embedding_size, settings, variational=settings.variational)
        self.dropout, self.variational = settings.dropout, settings.variational
        output = HEADS[output_for(vocabulary_size, settings)]
        self.head = output(self.stack.output_size, vocabulary_size)
        if settings.tie_weights:
            self.head.weight = self.table.weight

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """What follows each token.

        Shapes: inputs int64 [B, T], tokens -> unnormalised log-probabilities [B, T, V]; the layers' last states
        """
        y, state = self.hidden(inputs, lengths, state)
        return self.head(y), state

    def hidden(self, tokens: Tensor, lengths: Tensor | None = None, state: State | None = None) -> tuple[Tensor, State]:
        """What `head` makes the outputs of. Shapes: tokens int64 [B, T] -> y [B, T, H]; the layers' last states"""
        y, state = self.stack(self.table(tokens), state, lengths=lengths)
        if self.variational:
            return locked(y, self.dropout, self.training), state
        return dropout(y, self.dropout, self.training), state

    def losses(
        self, tokens: Tensor, targets: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """How surprising the targets are, which an adaptive output tells much faster than all that might follow.

        Shapes: tokens and targets int64 [B, T] -> losses [B, T]; the layers' last states. Units: nats
        """
        losses, _, state = self.losses_and_outputs(tokens, targets, lengths, state)
        return losses, state

    def losses_and_outputs(
        self, tokens: Tensor, targets: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, Tensor, State]:
        """As `losses`, with what `hidden` gives. Shapes: -> losses [B, T], y [B, T, H]; the layers' last states"""
        y, state = self.hidden(tokens, lengths, state)
        return self.head.losses(y.flatten(0, 1), targets.reshape(-1)).view_as(targets), y, state

    def loss(self, batch: TokenBatch, state: State | None = None) -> Loss:
        """Mean of the targets' losses. Units: nats per token"""
        if state is not None and batch.fresh is not None:
            state = reset_rows(state, self.stack.initial_state(len(batch.tokens)), batch.fresh)
        y, state = self.hidden(batch.tokens, batch.lengths, state)
        if batch.lengths is None:
            y, targets = y.flatten(0, 1), batch.targets.reshape(-1)
        else:
            inside = torch.arange(y.shape[1], device=y.device) < batch.lengths.to(y.device).unsqueeze(1)
            y, targets = y[inside], batch.targets[inside]
        return Loss(self.head.mean_loss(y, targets), targets.numel(), state)
