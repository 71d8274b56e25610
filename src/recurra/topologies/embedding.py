"""Tokens to vectors, without leaving the token table."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.request import Embedded


class TokenTable(nn.Module):
    """A table of token vectors that hands tokens and table on together.

    dropout: in training, the share of token types whose vector is 0 throughout a batch, the others scaled up
    (Gal & Ghahramani 2016). It acts on the table, so that engines may still project the table once.
    """

    def __init__(self, vocabulary_size: int, width: int, *, dropout: float = 0.0, scale: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.normal_(nn.Parameter(Tensor(vocabulary_size, width)), std=scale))
        self.dropout = dropout

    def forward(self, tokens: Tensor) -> Embedded:
        """Shapes: tokens int64 [B, T] -> Embedded(tokens, table [V, E])"""
        table: Tensor = self.weight
        if self.training and self.dropout:
            table = table * functional.dropout(table.new_ones(len(table), 1), self.dropout)
        return Embedded(tokens, table)
