"""N to N, both directions: a tag for every token."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.request import Embedded, State
from recurra.layers.dropout import Dropout
from recurra.layers.sparse_linear import SparseLinear
from recurra.layers.stack import Stack
from recurra.topologies.neighbourhood import neighbourhood
from recurra.topologies.paths import Transitions
from recurra.topologies.sequence_model import BOTH_WAYS, Loss, SequenceModel
from recurra.topologies.settings import TaggerSettings
from recurra.topologies.stacks import build_stack
from recurra.topologies.tag_loss import loss_in_core

UNKNOWN_TAG = -1
"""Of a token without a tag, or with one that was not in training, which no prediction can equal."""


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
                settings.char_embedding_size,
                settings.char_size,
                cell=settings.cell,
                bidirectional=True,
                init=settings.init,
                engine=settings.engine,
            )
            self.width += 2 * settings.char_size

    def forward(
        self,
        words: Tensor,
        letters: Tensor | None = None,
        letter_lengths: Tensor | None = None,
        pairs: Tensor | None = None,
    ) -> Tensor:
        """Shapes: words and pairs int64 [U], letters int64 [U, L], letter_lengths int64 [U] -> vectors [U, E]"""
        found = [self.words(self._some_unknown(words))]
        if self.pairs is not None:
            assert pairs is not None
            found.append(self.pairs(self._some_unknown(pairs)))
        if self.characters is not None:
            assert letters is not None
            _, ends = self.reader.apart(Embedded(letters, self.characters.weight), lengths=letter_lengths)
            found += [end[0] for end in ends]
        return torch.cat(found, -1)

    def _some_unknown(self, ids: Tensor) -> Tensor:
        """In training, with a share of them 0."""
        if not (self.training and self.dropout):
            return ids
        return ids * (torch.rand(ids.shape, device=ids.device) >= self.dropout)


class Forms(NamedTuple):
    """Sentences, each distinct form of theirs once.

    Shapes: tokens int64 [B, T], the row of each token's form among the U forms; words int64 [U]; letters int64 [U, L]
            and letter_lengths int64 [U], pairs int64 [U], None where the network reads none
    """

    tokens: Tensor
    words: Tensor
    letters: Tensor | None = None
    letter_lengths: Tensor | None = None
    pairs: Tensor | None = None


class TaggerBatch(NamedTuple):
    """Sentences and their tags.

    Shapes: lengths int64 [B]; tags int64 [B, T], UNKNOWN_TAG where none counts, as past each sentence's end
    """

    forms: Forms
    lengths: Tensor
    tags: Tensor


class TagScorer(SequenceModel[Forms, TaggerBatch]):
    """What each tag scores at every token, and what may follow what.

    allowed: see Transitions; features: of tokens and what stands around them, that a linear skip knows, 0 for no skip.
    It is fitted apart and has no share until `skip.share` is set; it is no part of training.
    """

    def __init__(
        self,
        tags: int,
        allowed: tuple[Tensor, Tensor, Tensor] | None,
        features: int,
        *,
        crf: bool,
    ) -> None:
        super().__init__()
        self.transitions = Transitions(tags, allowed, learned=crf)
        self.skip = SparseLinear(features, tags) if features else None

    @property
    @abstractmethod
    def scaled(self) -> tuple[Tensor, ...]:
        """What multiplies the logits that the skip is added to."""

    def with_skip(self, logits: Tensor, inputs: Forms, lengths: Tensor | None) -> Tensor:
        """The logits and what the skip says, in its share. Shapes: [B, T, C] -> [B, T, C]"""
        if self.skip is None or self.training or not self.skip.share:
            return logits
        return logits + self.beside(inputs, lengths).view_as(logits)

    def beside(self, inputs: Forms, lengths: Tensor | None = None) -> Tensor:
        """What the linear skip adds to the logits. Shapes: -> [B * T, C]"""
        assert self.skip is not None
        around = neighbourhood(inputs.tokens, inputs.words, lengths, inputs.letters, inputs.letter_lengths)
        found: Tensor = self.skip(around)
        return found

    def loss(self, batch: TaggerBatch, state: State | None = None) -> Loss:
        """As `loss_of`, of the network's own logits."""
        logits, _ = self.forward(batch.forms, batch.lengths, state)
        return self.loss_of(logits, batch.tags, batch.lengths)

    def loss_of(self, logits: Tensor, tags: Tensor, lengths: Tensor) -> Loss:
        """Mean negative log-probability of the known tags, of the sentences with no other where rows score as a whole.

        Shapes: logits [B, T, C], tags int64 [B, T], lengths int64 [B]. Units: nats per token; 0 of 0 tokens
        """
        if not self.transitions.learned:
            known = tags != UNKNOWN_TAG
            count = int(known.sum())
            found = functional.cross_entropy(logits[known].float(), tags[known]) if count else logits.sum() * 0
            return Loss(found, count)
        inside = torch.arange(tags.shape[1], device=tags.device) < lengths.to(tags.device).unsqueeze(1)
        there = tags.masked_fill(~inside, 0)
        if int(there.min()) >= 0:  # as nearly always
            found, count = self.transitions.log_probability(logits.float(), there, lengths), int(lengths.sum())
            return Loss(found.sum() / -max(count, 1), count)
        found = self.transitions.log_probability(logits.float(), there.clamp(min=0), lengths)
        whole = (there >= 0).all(1)
        count = int((inside & whole.unsqueeze(1)).sum())
        return Loss(-torch.where(whole, found, 0.0).sum() / max(count, 1), count)


class Tagger(TagScorer):
    """The vectors of forms, recurrent layers in both directions, one output per tag at every token, and what may
    follow what.

    allowed, features: see TagScorer
    """

    def __init__(
        self,
        words: int,
        characters: int,
        pairs: int,
        tags: int,
        settings: TaggerSettings,
        allowed: tuple[Tensor, Tensor, Tensor] | None = None,
        *,
        features: int = 0,
    ) -> None:
        super().__init__(tags, allowed, features, crf=settings.crf)
        self.forms = FormTable(words, characters, pairs, settings)
        self.stack = build_stack(self.forms.width, settings)
        self.dropout = Dropout(settings.dropout)
        self.head = nn.Linear(self.stack.output_size, tags)

    @property
    def scaled(self) -> tuple[Tensor, ...]:
        return self.head.weight, self.head.bias

    def why_no_state(self) -> str | None:
        if self.skip is not None:
            return "its linear skip looks at the tokens before and after each one"
        return BOTH_WAYS if self.stack.bidirectional else None

    def forward(self, inputs: Forms, lengths: Tensor | None = None, state: State | None = None) -> tuple[Tensor, State]:
        """What each tag scores by itself; `transitions` knows what rows of them score.

        Shapes: -> logits [B, T, C]; the layers' last states
        """
        self.check_state(state)
        y, state = self.stack(self._embedded(inputs), state, lengths=lengths)
        return self._logits(y, inputs, lengths), state

    def loss(self, batch: TaggerBatch, state: State | None = None) -> Loss:
        """As TagScorer's."""
        if type(self) is not Tagger or "forward" in self.__dict__:
            return super().loss(batch, state)
        self.check_state(state)
        y, _ = self.stack.apart(self._embedded(batch.forms), state, lengths=batch.lengths)
        if self.skip is None or self.training:
            found = loss_in_core(self.dropout, self.head, self.transitions, y, batch.lengths, batch.tags)
            if found is not None:
                return Loss(found, int(batch.lengths.sum()))
        return self.loss_of(self._logits(y, batch.forms, batch.lengths), batch.tags, batch.lengths)

    def _embedded(self, inputs: Forms) -> Embedded:
        return Embedded(inputs.tokens, self.dropout(self.table(inputs)))

    def _logits(self, y: Tensor, inputs: Forms, lengths: Tensor | None) -> Tensor:
        return self.with_skip(self.head(self.dropout(y)), inputs, lengths)

    def table(self, inputs: Forms) -> Tensor:
        """The vectors of the forms. Shapes: -> [U, E]"""
        found: Tensor = self.forms(inputs.words, inputs.letters, inputs.letter_lengths, inputs.pairs)
        return found

    def of_vectors(self, vectors: Tensor) -> Tensor:
        """What the recurrent part says where the tokens' vectors are these. Shapes: [B, T, E] -> logits [B, T, C]"""
        y, _ = self.stack(vectors)
        found: Tensor = self.head(self.dropout(y))
        return found
