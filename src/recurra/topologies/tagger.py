"""N to N, both directions: a tag for every token."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.engines.request import Embedded
from recurra.layers.stack import Stack
from recurra.topologies.paths import Transitions
from recurra.topologies.settings import NetworkSettings
from recurra.topologies.stacks import build_stack


class FormTable(nn.Module):
    """The vectors of a batch's distinct forms: the word's own, and what a recurrent encoder reads in its characters.

    A token's vector depends on its form alone, so each form of a batch is read once, however often it occurs, and the
    layers above may project this table once and look rows up.
    dropout: in training, the share of forms whose word is taken as unknown, so that characters learn to stand in for it
    Source: Ling et al. 2015, Finding function in form; the two last states, as Lample et al. 2016
    """

    def __init__(self, words: int, characters: int, settings: NetworkSettings) -> None:
        super().__init__()
        self.words = nn.Embedding(words, settings.embedding_size)
        nn.init.normal_(self.words.weight, std=settings.embedding_size**-0.5)
        self.dropout = settings.embedding_dropout
        self.characters: nn.Embedding | None = None
        self.width = settings.embedding_size
        if settings.char_size:
            self.characters = nn.Embedding(characters, settings.char_embedding_size)
            self.reader = Stack(
                settings.char_embedding_size, settings.char_size, cell=settings.cell, bidirectional=True,
                init=settings.init, engine=settings.engine,
            )  # fmt: skip
            self.width += 2 * settings.char_size

    def forward(self, words: Tensor, letters: Tensor | None, letter_lengths: Tensor | None) -> Tensor:
        """Shapes: words int64 [U], letters int64 [U, L], letter_lengths int64 [U] -> vectors [U, E]"""
        if self.training and self.dropout:
            words = words * (torch.rand(words.shape, device=words.device) >= self.dropout)
        known: Tensor = self.words(words)
        if self.characters is None:
            return known
        assert letters is not None
        _, state = self.reader(Embedded(letters, self.characters.weight), lengths=letter_lengths)
        return torch.cat([known, *state[0]], -1)


class Tagger(nn.Module):
    """The vectors of forms, recurrent layers in both directions, one output per tag at every token, and what may
    follow what.

    allowed: see Transitions
    """

    def __init__(
        self, words: int, characters: int, tags: int, settings: NetworkSettings,
        allowed: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.forms = FormTable(words, characters, settings)
        self.stack = build_stack(self.forms.width, settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(self.stack.output_size, tags)
        self.transitions = Transitions(tags, allowed, learned=settings.crf)

    def forward(
        self, tokens: Tensor, lengths: Tensor, words: Tensor, letters: Tensor | None = None,
        letter_lengths: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Shapes: tokens int64 [B, T], the row of each token's form among the U forms; lengths int64 [B]; words int64
        [U], letters int64 [U, L], letter_lengths int64 [U] -> logits [B, T, C]
        """
        table = self.dropout(self.forms(words, letters, letter_lengths))
        y, _ = self.stack(Embedded(tokens, table), lengths=lengths)
        logits: Tensor = self.head(self.dropout(y))
        return logits
