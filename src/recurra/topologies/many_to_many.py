"""N to N: an output for every input, such as the next token after each token."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.layers.dropout import locked
from recurra.topologies.embedding import TokenTable
from recurra.topologies.outputs import AdaptiveSoftmax, Softmax
from recurra.topologies.settings import NextTokenSettings
from recurra.topologies.stacks import build_stack

MANY = 2000
"""From so many tokens on the output layer is adaptive unless asked otherwise: at 10,000 it is 5 times as fast."""


def output_for(vocabulary_size: int, settings: NextTokenSettings) -> Literal["softmax", "adaptive"]:
    """The output layer that is asked for, or, for "auto", the one that suits the vocabulary."""
    if settings.output != "auto":
        return settings.output
    return "adaptive" if vocabulary_size >= MANY else "softmax"


class NextToken(nn.Module):
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
        output = AdaptiveSoftmax if output_for(vocabulary_size, settings) == "adaptive" else Softmax
        self.head = output(self.stack.output_size, vocabulary_size)
        if settings.tie_weights:
            self.head.weight = self.table.weight

    def forward(
        self, tokens: Tensor, state: State | None = None, targets: Tensor | None = None, *, last: bool = False
    ) -> tuple[Tensor, State]:
        """What follows each token; with targets, how surprising they are, which an adaptive output tells much faster.

        last: of the outputs only the last step's, [B, 1, V].
        Shapes: tokens and targets int64 [B, T], state as Stack's -> unnormalised log-probabilities [B, T, V], or the
                targets' losses [B, T]; the last states. Units: nats
        """
        y, state = self.stack(self.table(tokens), state)
        y = self._dropped(y[:, -1:] if last else y)
        if targets is None:
            return self.head(y), state
        return self.head.losses(y.flatten(0, 1), targets.reshape(-1)).view_as(targets), state

    def _dropped(self, y: Tensor) -> Tensor:
        if self.variational:
            return locked(y, self.dropout, self.training)
        return nn.functional.dropout(y, self.dropout, self.training)
