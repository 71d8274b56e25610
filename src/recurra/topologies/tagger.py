"""N to N, both directions: a tag for every token."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.engines.request import Embedded
from recurra.layers.stack import Stack
from recurra.topologies.paths import Transitions
from recurra.topologies.settings import TaggerSettings
from recurra.topologies.stacks import build_stack


class FormTable(nn.Module):
    """The vectors of a batch's distinct forms: the word's own, that of the word with its right neighbour, and what a
    recurrent encoder reads in its characters.

    A token's vector depends on its form alone, so each form of a batch is read once, however often it occurs, and the
    layers above may project this table once and look rows up.
    dropout: in training, the share of forms whose word is taken as unknown, so that characters learn to stand in for
    it; likewise of pairs
    Source: Ling et al. 2015, Finding function in form; the two last states, as Lample et al. 2016; pairs of Chinese
            characters, as Zhang & Yang 2018, Chinese NER using lattice LSTM
    """

    def __init__(self, words: int, characters: int, pairs: int, settings: TaggerSettings) -> None:
        super().__init__()
        self.words = nn.Embedding(words, settings.embedding_size)
        nn.init.normal_(self.words.weight, std=settings.embedding_size**-0.5)
        self.dropout = settings.embedding_dropout
        self.characters: nn.Embedding | None = None
        self.width = settings.embedding_size
        self.pairs: nn.Embedding | None = None
        if settings.pair_size:
            self.pairs = nn.Embedding(pairs, settings.pair_size)
            nn.init.normal_(self.pairs.weight, std=settings.pair_size**-0.5)
            self.width += settings.pair_size
        if settings.char_size:
            self.characters = nn.Embedding(characters, settings.char_embedding_size)
            self.reader = Stack(
                settings.char_embedding_size, settings.char_size, cell=settings.cell, bidirectional=True,
                init=settings.init, engine=settings.engine,
            )  # fmt: skip
            self.width += 2 * settings.char_size

    def forward(
        self, words: Tensor, letters: Tensor | None = None, letter_lengths: Tensor | None = None,
        pairs: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Shapes: words and pairs int64 [U], letters int64 [U, L], letter_lengths int64 [U] -> vectors [U, E]"""
        found = [self.words(self._some_unknown(words))]
        if self.pairs is not None:
            assert pairs is not None
            found.append(self.pairs(self._some_unknown(pairs)))
        if self.characters is not None:
            assert letters is not None
            _, state = self.reader(Embedded(letters, self.characters.weight), lengths=letter_lengths)
            found += state[0]
        return torch.cat(found, -1)

    def _some_unknown(self, ids: Tensor) -> Tensor:
        """In training, with a share of them 0."""
        if not (self.training and self.dropout):
            return ids
        return ids * (torch.rand(ids.shape, device=ids.device) >= self.dropout)


class Tagger(nn.Module):
    """The vectors of forms, recurrent layers in both directions, one output per tag at every token, and what may
    follow what.

    allowed: see Transitions
    """

    def __init__(
        self, words: int, characters: int, pairs: int, tags: int, settings: TaggerSettings,
        allowed: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.forms = FormTable(words, characters, pairs, settings)
        self.stack = build_stack(self.forms.width, settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(self.stack.output_size, tags)
        self.transitions = Transitions(tags, allowed, learned=settings.crf)

    def forward(
        self, tokens: Tensor, lengths: Tensor, words: Tensor, letters: Tensor | None = None,
        letter_lengths: Tensor | None = None, pairs: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Shapes: tokens int64 [B, T], the row of each token's form among the U forms; lengths int64 [B]; the forms as
        `FormTable` takes them -> logits [B, T, C]
        """
        table = self.dropout(self.forms(words, letters, letter_lengths, pairs))
        y, _ = self.stack(Embedded(tokens, table), lengths=lengths)
        logits: Tensor = self.head(self.dropout(y))
        return logits
