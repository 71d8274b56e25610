"""N to 1: one output for a whole sequence, such as its class."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.engines.request import State
from recurra.layers.stack import Stack
from recurra.topologies.embedding import TokenTable
from recurra.topologies.settings import ClassifierSettings, Pooling
from recurra.topologies.stacks import build_stack, run_truncated


class SequenceClassifier(nn.Module):
    """Token table, recurrent layers, pooling over time, one output per class.

    table_scale: standard deviation of the token vectors' values at the start
    """

    def __init__(
        self, vocabulary_size: int, classes: int, settings: ClassifierSettings, *, table_scale: float = 1.0
    ) -> None:
        super().__init__()
        self.table = TokenTable(
            vocabulary_size, settings.embedding_size, dropout=settings.embedding_dropout, scale=table_scale
        )
        self.stack = build_stack(settings.embedding_size, settings)
        self.pooling = settings.pooling
        self.dropout = nn.Dropout(settings.dropout)
        parts = 3 if settings.pooling == "all" else 1
        self.head = nn.Linear(parts * self.stack.output_size, classes)

    def forward(self, tokens: Tensor, lengths: Tensor, *, bptt: int | None = None) -> Tensor:
        """Shapes: tokens int64 [B, T], lengths int64 [B] -> logits [B, C]

        bptt: back-propagate through the last so many steps only; None for all.
        """
        x = self.table(tokens)
        if bptt is None or bptt >= tokens.shape[1]:
            y, state = self.stack(x, lengths=lengths)
        else:
            y, state = run_truncated(self.stack, x, lengths, bptt)
        logits: Tensor = self.head(self.dropout(pooled(self.pooling, self.stack, y, state, lengths)))
        return logits


def pooled(how: Pooling, stack: Stack, y: Tensor, state: State, lengths: Tensor) -> Tensor:
    """What of the outputs is looked at.

    Shapes: y [B, T, D*H], state as Stack's, lengths int64 [B] -> [B, D*H], for "all" [B, 3*D*H]
    """
    lengths = lengths.to(y.device)
    if how == "mean":
        return y.sum(1) / lengths.unsqueeze(1)
    if how == "max":
        past = torch.arange(y.shape[1], device=y.device) >= lengths.unsqueeze(1)
        highest: Tensor = y.masked_fill(past.unsqueeze(-1), float("-inf")).amax(1)
        return highest
    if how == "all":
        return torch.cat([pooled(one, stack, y, state, lengths) for one in ("last", "mean", "max")], -1)
    top: list[Tensor] = list(state[0][-stack.num_directions :])
    if len(top) == 1:
        return top[0]
    return torch.cat(top, -1) if stack.merge == "concat" else torch.add(*top)
