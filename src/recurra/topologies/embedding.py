"""Tokens to vectors, without leaving the token table."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.engines.request import Embedded
from recurra.layers.dropout import factors


class TokenTable(nn.Module):
    """A table of token vectors that hands tokens and table on together.

    dropout: in training, the share of token types whose vector is 0 throughout a batch, the others scaled up
    (Gal & Ghahramani 2016); column_dropout: the share of the vectors' indices that is 0 throughout a batch, which is
    dropout of the inputs with one mask for all steps and rows. Both act on the table, so that engines may still
    project the table once. Of a table with more rows than the batch has tokens only the rows that occur are handed on.
    scale: standard deviation of the entries at first; gain: what the vectors are multiplied with when they are read.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        *,
        dropout: float = 0.0,
        column_dropout: float = 0.0,
        scale: float = 1.0,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(vocabulary_size, width), std=scale))
        self.dropout, self.column_dropout, self.gain = dropout, column_dropout, gain

    def forward(self, tokens: Tensor) -> Embedded:
        """Shapes: tokens int64 [B, T] -> Embedded(indices in the table [B, T], table [V or fewer, E])"""
        table: Tensor = self.weight
        if len(table) > tokens.numel():
            kinds, tokens = torch.unique(tokens, return_inverse=True)
            table = table.index_select(0, kinds)
        if self.gain != 1:
            table = table * self.gain
        if self.training and self.dropout:
            table = table * factors((len(table), 1), self.dropout, table)
        if self.training and self.column_dropout:
            table = table * factors((1, table.shape[1]), self.column_dropout, table)
        return Embedded(tokens, table)


@torch.no_grad()
def fill_rows(weight: Tensor, rows: Tensor, known: Tensor) -> float:
    """Put vectors into a table, all multiplied by the factor that gives them the size of what was drawn there.

    The other rows keep what was drawn, so all have one size, which is the one that the network's other weights expect;
    a factor leaves angles as they are.
    Shapes: weight [V or more, E], rows [V, E], known bool [V], one at least with a vector that is not 0 -> the factor
    """
    place = known.nonzero().squeeze(1).to(weight.device)
    given = rows[known].to(weight)
    factor = float(weight.square().mean().sqrt() / given.square().mean().sqrt())
    weight[place] = given * factor
    return factor
