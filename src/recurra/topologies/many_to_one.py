"""N to 1: one output for a whole sequence, such as its class."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.layers.dropout import Dropout
from recurra.layers.sparse_linear import Found, SparseLinear, ngrams, together
from recurra.layers.states import stacked
from recurra.topologies.characters import CharacterReader
from recurra.topologies.class_loss import loss_in_core
from recurra.topologies.embedding import TokenTable
from recurra.topologies.sequence_model import BOTH_WAYS, Loss, SequenceModel
from recurra.topologies.settings import ClassifierSettings
from recurra.topologies.stacks import build_stack, run_truncated
from recurra.topologies.time_pooling import pooled, why_no_state_of

SPELT = 1 << 32
"""Added to a character's code point, so that no n-gram of characters has the key of one of tokens."""


class Spelt(NamedTuple):
    """Texts whose characters are read beside their tokens.

    Shapes: tokens int64 [B, T]; letters int64 [B, L], code points plus SPELT; letter_lengths int64 [B]
    """

    tokens: Tensor
    letters: Tensor
    letter_lengths: Tensor


class ClassifierBatch(NamedTuple):
    """Sequences and their classes.

    bptt: back-propagate through the last so many steps only, None for all; shift: added to the logits in training;
    smoothing: of the labels
    Shapes: tokens int64 [B, T], or Spelt where characters are read beside them; lengths int64 [B], classes int64 [B],
            shift [C]
    """

    tokens: Tensor | Spelt
    lengths: Tensor
    classes: Tensor
    bptt: int | None = None
    shift: Tensor | None = None
    smoothing: float = 0.0


class TextClassifier(SequenceModel[Tensor | Spelt, ClassifierBatch]):
    """Logits of a text, and a linear skip of n-grams beside them.

    orders, features: how many tokens in a row the skip reads, and how many of such n-grams it knows, 0 for no skip. It
    is fitted apart and has no share until `skip.share` is set; it is no part of training. Texts of up to `skip_after`
    tokens get nothing of it, see `faded`, but the network's logits times `skip_alone`. spelling: characters in a row
    that it reads too, none if it reads tokens alone; inputs are `Spelt` then
    """

    def __init__(self, classes: int, features: int, orders: tuple[int, ...], spelling: tuple[int, ...]) -> None:
        super().__init__()
        self.orders, self.spelling = orders, spelling
        self.skip = SparseLinear(features, classes) if features else None
        if features:
            self.skip_after: Tensor
            self.skip_alone: Tensor
            self.register_buffer("skip_after", torch.zeros(()))
            self.register_buffer("skip_alone", torch.ones(()))

    @property
    @abstractmethod
    def scaled(self) -> tuple[Tensor, ...]:
        """What multiplies the logits that the skip is added to, for a temperature to change."""

    def with_skip(self, logits: Tensor, inputs: Tensor | Spelt, lengths: Tensor | None) -> Tensor:
        """The logits and what the skip says, in its share. Shapes: [B, C] -> [B, C]"""
        if self.skip is None or self.training or not self.skip.share:
            return logits
        steps = tokens_of(inputs).shape[1]
        ends = torch.full((len(logits),), steps) if lengths is None else lengths
        beside: Tensor = self.skip(text_features(inputs, lengths, self.orders, self.spelling))
        share = faded(ends.to(beside.device), self.skip_after).unsqueeze(1)
        return own_share(share, self.skip_alone) * logits + share * beside


class SequenceClassifier(TextClassifier):
    """Token table, recurrent layers, pooling over time, one output per class, and a linear skip of n-grams beside them.

    table_scale: standard deviation of the token vectors' values at the start; orders, features, spelling: see
    TextClassifier; characters: those that layers of their own read beside the tokens (see CharacterReader), none if
    tokens alone are read; inputs are `Spelt` then
    """

    def __init__(
        self,
        vocabulary_size: int,
        classes: int,
        settings: ClassifierSettings,
        *,
        table_scale: float = 1.0,
        features: int = 0,
        orders: tuple[int, ...] = (1,),
        spelling: tuple[int, ...] = (),
        characters: Tensor | None = None,
    ) -> None:
        super().__init__(classes, features, orders, spelling)
        self.table = TokenTable(
            vocabulary_size, settings.embedding_size, dropout=settings.embedding_dropout, scale=table_scale
        )
        self.stack = build_stack(settings.embedding_size, settings)
        self.pooling = settings.pooling
        self.dropout = Dropout(settings.dropout)
        parts = 3 if settings.pooling == "all" else 1
        self.reader = None if characters is None else CharacterReader(characters, settings)
        stacks = 1 if characters is None else 2
        self.head = nn.Linear(stacks * parts * self.stack.output_size, classes)

    @property
    def scaled(self) -> tuple[Tensor, ...]:
        return self.head.weight, self.head.bias

    def why_no_state(self) -> str | None:
        if self.skip is not None:
            return "its linear skip reads the n-grams of the whole text"
        if self.reader is not None:
            return "it reads the characters of the whole text too"
        return BOTH_WAYS if self.stack.bidirectional else why_no_state_of(self.pooling)

    def forward(
        self, inputs: Tensor | Spelt, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Shapes: inputs int64 [B, T], tokens, or `Spelt` -> logits [B, C]; the layers' last states

        Errors: UsageError for tokens alone where characters are read too
        """
        return self.truncated(inputs, lengths, None, state)

    def token_vectors(self) -> Tensor:
        """What the layers read for each token. Shapes: -> [V, E]"""
        return self.table.weight.detach() * self.table.gain

    def of_vectors(self, vectors: Tensor) -> Tensor:
        """What the recurrent part says where the tokens have these vectors. Shapes: [B, T, E] -> logits [B, C]

        Errors: UsageError where characters are read too
        """
        y, last = self.stack(vectors)
        return self._recurrent_logits(y, last, None)

    def loss(self, batch: ClassifierBatch, state: State | None = None) -> Loss:
        """Mean cross-entropy of the classes. Units: nats per sequence"""
        y, last = self._outputs(batch.tokens, batch.lengths, batch.bptt, state, apart=True)
        if (found := self._loss_in_core(y, batch)) is None:
            last = last if isinstance(last, tuple) else stacked(last)
            logits = self._logits(y, last, batch.lengths, batch.tokens)
            if batch.shift is not None:
                logits = logits + batch.shift
            found = functional.cross_entropy(logits.float(), batch.classes, label_smoothing=batch.smoothing)
        return Loss(found, len(batch.classes))

    def _loss_in_core(self, y: Tensor, batch: ClassifierBatch) -> Tensor | None:
        """The loss of the layers' outputs; None where it takes more than these, or the core cannot say."""
        if self.reader is not None or not (self.skip is None or self.training):
            return None
        return loss_in_core(
            self.pooling,
            self.stack,
            self.dropout,
            self.head,
            y,
            batch.lengths,
            batch.classes,
            shift=batch.shift,
            smoothing=batch.smoothing,
        )

    def truncated(
        self, inputs: Tensor | Spelt, lengths: Tensor | None, steps: int | None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """As `forward`, with gradients that flow back through the last so many steps only; through all for None, and
        through all characters.

        Errors: UsageError for layers of two directions, unless there are no more steps
        """
        y, last = self._outputs(inputs, lengths, steps, state)
        assert isinstance(last, tuple)
        return self._logits(y, last, lengths, inputs), last

    def _outputs(
        self,
        inputs: Tensor | Spelt,
        lengths: Tensor | None,
        steps: int | None,
        state: State | None,
        *,
        apart: bool = False,
    ) -> tuple[Tensor, State | list[State]]:
        """What the layers say. steps: as in `truncated`; apart: last states may be Stack.apart's

        Shapes: -> y [B, T, D*H]; the layers' last states
        """
        self.check_state(state)
        tokens = tokens_of(inputs)
        if steps is None or steps >= tokens.shape[1] or lengths is None:
            read = self.stack.apart if apart else self.stack
            return read(self.table(tokens), state, lengths=lengths)
        return run_truncated(self.stack, self.table(tokens), lengths, steps, state)

    def _logits(self, y: Tensor, state: State, lengths: Tensor | None, inputs: Tensor | Spelt) -> Tensor:
        return self.with_skip(self._recurrent_logits(y, state, lengths, inputs), inputs, lengths)

    def _recurrent_logits(
        self, y: Tensor, state: State, lengths: Tensor | None, inputs: Tensor | Spelt | None = None
    ) -> Tensor:
        ends = torch.full((len(y),), y.shape[1]) if lengths is None else lengths
        seen = pooled(self.pooling, self.stack, y, state, ends)
        if self.reader is not None:
            if not isinstance(inputs, Spelt):
                raise UsageError("this network reads characters beside tokens; give it `Spelt`")
            seen = torch.cat([seen, self.reader(inputs.letters, inputs.letter_lengths)], -1)
        logits: Tensor = self.head(self.dropout(seen))
        return logits


def tokens_of(inputs: Tensor | Spelt) -> Tensor:
    """Shapes: -> int64 [B, T]"""
    return inputs.tokens if isinstance(inputs, Spelt) else inputs


def text_features(
    inputs: Tensor | Spelt, lengths: Tensor | None, orders: tuple[int, ...], spelling: tuple[int, ...] = ()
) -> Found:
    """The n-grams of texts' tokens, and of their characters if spelling says how many in a row.

    Errors: UsageError if these are wanted and not given
    """
    if not spelling:
        return ngrams(tokens_of(inputs), lengths, orders)
    if not isinstance(inputs, Spelt):
        raise UsageError("the linear skip of this network reads characters beside tokens; give it `Spelt`")
    return together(ngrams(inputs.tokens, lengths, orders), ngrams(inputs.letters, inputs.letter_lengths, spelling))


def faded(lengths: Tensor, after: Tensor | float) -> Tensor:
    """How much of a skip a text gets: in a few words their order decides, of which n-grams see little.

    Maths:  0 up to `after` tokens, 1 from twice as many on, a straight line between; 1 for every text if `after` is 0
    Shapes: lengths int64 [B] -> [B]
    """
    start = torch.as_tensor(after, dtype=torch.float32, device=lengths.device)
    return torch.where(start > 0, ((lengths - start) / start.clamp(min=1.0)).clamp(0.0, 1.0), 1.0)


def own_share(share: Tensor, alone: Tensor | float) -> Tensor:
    """What the network's logits are multiplied with beside so much of a skip, `alone` without any. Shapes: as share"""
    return 1 + (alone - 1) * (1 - share)
