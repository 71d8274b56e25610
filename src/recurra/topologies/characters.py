"""The characters of a whole text, read by layers of their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.topologies.embedding import TokenTable
from recurra.topologies.settings import ClassifierSettings
from recurra.topologies.stacks import build_stack
from recurra.topologies.time_pooling import pooled


class CharacterReader(nn.Module):
    """Recurrent layers over characters, of the sizes and pooled as a classifier's own: what spelling tells of words
    that are rare or unknown.

    codes: those that are known, rising, as Spelt.letters says them; all others are one unknown character
    Shapes: codes int64 [K]
    """

    def __init__(self, codes: Tensor, settings: ClassifierSettings) -> None:
        super().__init__()
        self.codes: Tensor
        self.register_buffer("codes", codes, persistent=False)
        self.table = TokenTable(len(codes) + 1, settings.embedding_size, dropout=settings.embedding_dropout)
        self.stack = build_stack(settings.embedding_size, settings)
        self.pooling = settings.pooling

    def forward(self, letters: Tensor, lengths: Tensor) -> Tensor:
        """Shapes: letters int64 [B, L], lengths int64 [B] -> [B, D*H], for pooling all [B, 3*D*H]"""
        y, last = self.stack(self.table(self.known(letters)), lengths=lengths)
        return pooled(self.pooling, self.stack, y, last, lengths)

    def known(self, letters: Tensor) -> Tensor:
        """Rows of the table, 0 for an unknown character. Shapes: as given"""
        rows = torch.searchsorted(self.codes, letters.contiguous()).clamp(max=len(self.codes) - 1)
        return torch.where(self.codes[rows] == letters, rows + 1, 0)
