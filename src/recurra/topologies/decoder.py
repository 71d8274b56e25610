"""What writes a sequence, whatever was read before: layers, perhaps attention, one output per token."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.checks import checked_lengths
from recurra.engines.request import State
from recurra.errors import ShapeError
from recurra.layers.dropout import Dropout
from recurra.topologies.attention import Attention, Memory, Score
from recurra.topologies.embedding import TokenTable
from recurra.topologies.linear_loss import linear_cross_entropy
from recurra.topologies.sequence_model import Batch, Inputs, Loss, SequenceModel
from recurra.topologies.settings import DecoderSettings
from recurra.topologies.stacks import build_stack

S = TypeVar("S", bound=DecoderSettings)


@dataclass(frozen=True)
class Reading:
    """What decoding a batch needs of what was read, and where each row's decoder stands.

    memory: None without attention; state: of all decoder layers, each [L, N, H]; feed: the last features [N, F], fed
    into the next step, or None without input feeding; given: [N, C], what is part of the input and of the output of
    every step, or None if nothing is; positions: int64 [N, T], of a draft that may be copied the next place after each
    token that was read last, None without one
    """

    memory: Memory | None
    state: State
    feed: Tensor | None
    given: Tensor | None = None
    positions: Tensor | None = None

    def rows(self, index: Tensor) -> Reading:
        """Chosen rows, as often as they are named. Shapes: index int64 [N]"""
        memory = self.memory and self.memory.rows(index)
        state = tuple(s[:, index] for s in self.state)
        more = (None if each is None else each[index] for each in (self.feed, self.given, self.positions))
        return Reading(memory, state, *more)

    def where(self, rows: Tensor, other: Reading) -> Reading:
        """The other's standing but for some rows. Shapes: rows bool [N]"""
        state = tuple(torch.where(rows.view(1, -1, 1), s, o) for s, o in zip(self.state, other.state, strict=True))
        feed = self.feed
        if feed is not None and other.feed is not None:
            feed = torch.where(rows.unsqueeze(1), feed, other.feed)
        return Reading(self.memory, state, feed, self.given)


class Decoder(SequenceModel[Inputs, Batch]):
    """The half of a network that writes. The other half says what was read: a `Reading`.

    Attention looks from the lowest layer; the layers above read its output and what was looked at, so that,
    teacher-forced, every layer runs over the whole target in one call. With input feeding the features of each step are
    part of the next one's input (Luong et al. 2015) and the decoder goes step by step.

    A subclass calls `_make_table`, `_make_layers` and `_make_output` in this order, with what it reads by in between.
    target_size: tokens that are written, the end among them. The first input is the token `begin`, which is
    `target_size` and never written.
    Source: Luong et al. 2015 (attention, input feeding); Wu et al. 2016 (looking from the lowest layer)
    """

    settings: DecoderSettings
    begin: int
    copies = False
    """Whether a draft is read, see topologies.copying."""

    def _make_table(self, target_size: int, settings: DecoderSettings) -> None:
        self.settings, self.begin = settings, target_size
        width = settings.embedding_size
        self.features = width if settings.tie_weights else settings.hidden_size
        scale = width**-0.5 if settings.tie_weights else 1.0  # tied, the table makes the logits too, so it is small
        self.target = TokenTable(
            target_size + 1, width, dropout=settings.embedding_dropout, scale=scale, gain=1 / scale
        )

    def _make_layers(self, seen: int, score: Score | None, one_way: DecoderSettings, given: int = 0) -> None:
        """seen: width of what is looked at; score: how, None for no attention; given: width of Reading.given"""
        hidden, self.given = one_way.hidden_size, given
        fed = one_way.embedding_size + (self.features if one_way.input_feeding else 0) + given
        self.attention: Attention | None = None
        self.upper = None
        if score is None:
            self.lower = build_stack(fed, one_way)
        else:
            self.attention = Attention(score, hidden, seen, one_way.engine)
            self.lower = build_stack(fed, one_way.model_copy(update={"num_layers": 1}))
            above = one_way.model_copy(update={"num_layers": max(1, one_way.num_layers - 1)})
            self.upper = build_stack(hidden + seen, above) if one_way.num_layers > 1 else None

    def _make_output(self, seen: int) -> None:
        settings, target_size = self.settings, self.begin
        read = settings.hidden_size + (seen if self.attention is not None else 0) + self.given
        self.combine = nn.Linear(read, self.features)
        self.dropout = Dropout(settings.dropout)
        self.bias = nn.Parameter(torch.zeros(target_size))
        bound = self.features**-0.5
        own = None if settings.tie_weights else torch.empty(target_size, self.features).uniform_(-bound, bound)
        self.weight = None if own is None else nn.Parameter(own)

    def _starts(self, batch: int) -> State:
        layers = [stack.initial_state(batch) for stack in (self.lower, self.upper) if stack is not None]
        return tuple(torch.cat(parts) for parts in zip(*layers, strict=True))

    def _no_feed(self, like: Tensor) -> Tensor | None:
        """What is fed into the first step. Shapes: like [B, ...] -> [B, F]"""
        return like.new_zeros(len(like), self.features) if self.settings.input_feeding else None

    @abstractmethod
    def begun(self, batch: Batch) -> tuple[Reading, Targets]:
        """What a batch says of where its rows begin, and what they are to be."""

    def write(
        self, inputs: Tensor, reading: Reading, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Reading]:
        """The decoder over some inputs, all at once or, with input feeding, step by step.

        Shapes: inputs int64 [B, T], lengths int64 [B] -> features [B, T, F], attention weights [B, T, S] or None, where
                each row stands after its length
        """
        x = self.dropout(self.target(inputs).dense())
        if reading.feed is None:
            return self._over(x, reading, lengths)
        if lengths is not None:
            lengths = checked_lengths(lengths, inputs.shape[0], inputs.shape[1], self.bias)
        features, weights = [], []
        for index, step in enumerate(x.unbind(1)):
            assert reading.feed is not None
            fed, before = torch.cat([step, reading.feed], -1).unsqueeze(1), reading
            feature, weight, reading = self._over(fed, reading)
            if lengths is not None:
                reading = reading.where((lengths > index).to(x.device), before)
            features.append(feature)
            weights.append(weight)
        looked = [w for w in weights if w is not None]
        return torch.cat(features, 1), torch.cat(looked, 1) if looked else None, reading

    def _over(
        self, x: Tensor, reading: Reading, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Reading]:
        """Shapes: x [B, T, E] (with what is fed) -> features [B, T, F], weights [B, T, S] or None, the new standing"""
        low = self.lower.num_layers
        given = None if reading.given is None else reading.given.unsqueeze(1).expand(-1, x.shape[1], -1)
        if given is not None:
            x = torch.cat([x, given], -1)
        y, lower = self.lower(x, tuple(s[:low] for s in reading.state), lengths=lengths)
        state, weights = lower, None
        if self.attention is not None and reading.memory is not None:
            context, weights = self.attention(y, reading.memory)
            y = torch.cat([y, context], -1)
            if self.upper is not None:
                y, upper = self.upper(self.dropout(y), tuple(s[low:] for s in reading.state), lengths=lengths)
                state = tuple(torch.cat(parts) for parts in zip(lower, upper, strict=True))
                y = torch.cat([y, context], -1)
        features = torch.tanh(self.combine(y if given is None else torch.cat([y, given], -1)))
        feed = None if reading.feed is None else features[:, -1]
        return features, weights, Reading(reading.memory, state, feed, reading.given)

    def step(self, tokens: Tensor, reading: Reading) -> tuple[Tensor, Tensor | None, Reading]:
        """One step of decoding. Shapes: tokens int64 [N] -> logits [N, V], weights [N, S] or None, the new standing"""
        features, weights, reading = self.write(tokens.unsqueeze(1), reading)
        logits = self.outputs(features, reading)
        return logits[:, 0], None if weights is None else weights[:, 0], reading

    def outputs(self, features: Tensor, reading: Reading) -> Tensor:
        """Logits of what `write` came to. Shapes: features [B, T, F] -> [B, T, V]"""
        return self.logits(features)

    def logits(self, features: Tensor) -> Tensor:
        """Shapes: features [..., F] -> [..., V]"""
        return functional.linear(self.dropout(features), self.output_weight(), self.bias)

    def output_weight(self) -> Tensor:
        """The output layer's weight [V, F]: its own, or the first rows of the target table."""
        return self.target.weight[: self.begin] if self.weight is None else self.weight

    def loss(self, batch: Batch, state: State | None = None) -> Loss:
        """Mean cross-entropy of the targets, each read up to the token that is asked for. Units: nats per token

        Errors: UsageError for a state: each batch begins with what it reads itself
        """
        self.check_no_state(state)
        reading, targets = self.begun(batch)
        chosen, wanted = self.before_output(reading, targets)
        found = linear_cross_entropy(chosen, self.output_weight(), self.bias, wanted, smoothing=targets.smoothing)
        return Loss(found, int(targets.lengths.sum()))

    def before_output(self, reading: Reading, targets: Targets) -> tuple[Tensor, Tensor]:
        """What the output layer reads for each token that is asked for, row after row, and these tokens.

        Shapes: -> [N, F], int64 [N], N the sum of the lengths
        """
        features, _, _, real = self.along(reading, targets)
        return self.dropout(features[real]), targets.tokens[real]

    def along(self, reading: Reading, targets: Targets) -> tuple[Tensor, Tensor | None, Reading, Tensor]:
        """What the decoder makes of some targets as it reads them, as `write`, and which tokens are asked for.

        Shapes: -> as `write`; bool [B, T]
        """
        target = targets.tokens
        begin = target.new_full((len(target), 1), self.begin)
        inputs = torch.cat([begin, target[:, :-1]], 1)
        if targets.word_dropout > 0:
            dropped = torch.rand(inputs.shape, device=inputs.device) < targets.word_dropout
            inputs = inputs.masked_fill(dropped, self.begin)
        if targets.scheduled_sampling > 0:
            features, weights, reading = self._sample_inputs(inputs, reading, targets.scheduled_sampling)
        else:
            features, weights, reading = self.write(inputs, reading)
        lengths = targets.lengths.to(target.device).unsqueeze(1)
        return features, weights, reading, torch.arange(target.shape[1], device=target.device) < lengths

    @abstractmethod
    def check_no_state(self, state: State | None) -> None:
        """Errors: UsageError for a state that a batch is to begin with"""

    def _sample_inputs(self, inputs: Tensor, reading: Reading, chance: float) -> tuple[Tensor, Tensor | None, Reading]:
        """As `write`, but each input after the first is by chance a draw from the step before. Shapes: as `write`"""
        found, looked, positions = list[Tensor](), list[Tensor](), list[Tensor]()
        tokens = inputs[:, :1]
        for step in range(inputs.shape[1]):
            features, weights, reading = self.write(tokens, reading)
            found.append(features)
            looked += [] if weights is None else [weights]
            positions += [] if reading.positions is None else [reading.positions]
            if step + 1 < inputs.shape[1]:
                with torch.no_grad():
                    drawn = torch.multinomial(self._spoken(features, reading).softmax(-1), 1)
                    own = torch.rand(len(inputs), 1, device=inputs.device) < chance
                tokens = torch.where(own, drawn, inputs[:, step + 1 : step + 2])
        reading = replace(reading, positions=torch.cat(positions, 1) if positions else None)
        return torch.cat(found, 1), torch.cat(looked, 1) if looked else None, reading

    def _spoken(self, features: Tensor, reading: Reading) -> Tensor:
        """Logits of one step, no features left out. Shapes: features [B, 1, F] -> [B, V]"""
        return functional.linear(features[:, 0], self.output_weight(), self.bias)

    def _state_of(self, reading: Reading) -> State:
        """A reading as the tensors of a state, their rows in dimension 1: the layers' states [L, B, H], with input
        feeding the last features [1, B, F], then what is given [1, B, C], if something is, with attention values
        [S, B, M], keys [S, B, K] and bool [S, B, 1], and of a draft what may be copied, int64 [S, B, 1], and
        the next place of it, int64 [1, B, 1].
        """
        parts = list(reading.state)
        parts += [each.unsqueeze(0) for each in (reading.feed, reading.given) if each is not None]
        if reading.memory is not None:
            memory = reading.memory
            parts += [part.transpose(0, 1) for part in (memory.values, memory.keys, memory.past.unsqueeze(2))]
            parts += [] if memory.copied is None else [memory.copied.unsqueeze(2).transpose(0, 1)]
            parts += [] if reading.positions is None else [reading.positions[:, -1:].unsqueeze(2).transpose(0, 1)]
        return tuple(parts)

    def _reading_of(self, state: State) -> Reading:
        """What `_state_of` gave. Errors: ShapeError"""
        states, feeds, gives = len(self.lower.cell.states), int(self.settings.input_feeding), int(self.given > 0)
        looked = 0 if self.attention is None else 3 + 2 * int(self.copies)
        expected = states + feeds + gives + looked
        if len(state) != expected:
            raise ShapeError(f"expected a state of {expected} tensors, as this network returns it, got {len(state)}")
        memory, positions = None, None
        if self.attention is not None:
            values, keys, past, *draft = (part.transpose(0, 1) for part in state[-looked:])
            memory = Memory(keys, values, past.squeeze(2), draft[0].squeeze(2) if draft else None)
            positions = draft[1].squeeze(2) if draft else None
        feed, given = state[states][0] if feeds else None, state[states + feeds][0] if gives else None
        return Reading(memory, state[:states], feed, given, positions)


@dataclass(frozen=True)
class Targets:
    """What a batch's rows are to be.

    smoothing: of the labels; scheduled_sampling: the probability that the decoder reads its own draw instead of the
    target's token (Bengio et al. 2015); word_dropout: the probability that it reads `begin` instead of a token, so that
    it learns what the words before do not tell (Bowman et al. 2016)
    Shapes: tokens int64 [B, T] with their ends, lengths int64 [B]
    """

    tokens: Tensor
    lengths: Tensor
    smoothing: float = 0.0
    scheduled_sampling: float = 0.0
    word_dropout: float = 0.0
