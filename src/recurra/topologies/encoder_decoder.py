"""N to M: a sequence is read by one recurrent network and another is written by a second, both trained together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.checks import checked_lengths
from recurra.engines.request import State
from recurra.errors import ShapeError, UsageError
from recurra.topologies.attention import Attention, Memory
from recurra.topologies.embedding import TokenTable
from recurra.topologies.linear_loss import linear_cross_entropy
from recurra.topologies.sequence_model import Loss, SequenceModel
from recurra.topologies.settings import EncoderDecoderSettings
from recurra.topologies.stacks import build_stack


@dataclass(frozen=True)
class Reading:
    """What decoding a batch needs of its sources, and where each row's decoder stands.

    memory: None without attention; state: of all decoder layers, each [L, N, H]; feed: the last features [N, F], fed
    into the next step, or None without input feeding
    """

    memory: Memory | None
    state: State
    feed: Tensor | None

    def rows(self, index: Tensor) -> Reading:
        """Chosen rows, as often as they are named. Shapes: index int64 [N]"""
        memory = self.memory and self.memory.rows(index)
        state = tuple(s[:, index] for s in self.state)
        return Reading(memory, state, None if self.feed is None else self.feed[index])

    def where(self, rows: Tensor, other: Reading) -> Reading:
        """The other's standing but for some rows. Shapes: rows bool [N]"""
        state = tuple(torch.where(rows.view(1, -1, 1), s, o) for s, o in zip(self.state, other.state, strict=True))
        feed = self.feed
        if feed is not None and other.feed is not None:
            feed = torch.where(rows.unsqueeze(1), feed, other.feed)
        return Reading(self.memory, state, feed)


class SourceAndTarget(NamedTuple):
    """What is read and what is being written.

    Shapes: target int64 [B, T], the tokens that the decoder reads, `begin` before the first; source int64 [B, S] and
            source_lengths int64 [B], None for both where a state is given, which has read them
    """

    target: Tensor
    source: Tensor | None = None
    source_lengths: Tensor | None = None


class EncoderDecoderBatch(NamedTuple):
    """Sources and their targets.

    smoothing: of the labels; scheduled_sampling: the probability that the decoder reads its own draw instead of the
    target's token (Bengio et al. 2015)
    Shapes: source int64 [B, S], target int64 [B, T] with their ends, lengths int64 [B]
    """

    source: Tensor
    source_lengths: Tensor
    target: Tensor
    target_lengths: Tensor
    smoothing: float = 0.0
    scheduled_sampling: float = 0.0


class EncoderDecoder(SequenceModel[SourceAndTarget, EncoderDecoderBatch]):
    """Encoder, bridge of states, decoder with attention, one output per token that may be written.

    Attention looks from the lowest decoder layer; the layers above read its output and what was looked at, so that,
    teacher-forced, every layer runs over the whole target in one call. With input feeding the features of each step are
    part of the next one's input (Luong et al. 2015) and the decoder goes step by step.

    source_size: tokens that are read; target_size: tokens that are written, the end among them. The decoder's first
    input is the token `target_size`, which is never written.
    Errors: UsageError for settings that do not go together
    Source: Sutskever et al. 2014 (two networks); Luong et al. 2015 (attention, input feeding); Wu et al. 2016 (looking
            from the lowest layer)
    """

    def __init__(self, source_size: int, target_size: int, settings: EncoderDecoderSettings) -> None:
        super().__init__()
        check(settings)
        self.settings, self.begin = settings, target_size
        width, hidden = settings.embedding_size, settings.hidden_size
        self.features = width if settings.tie_weights else hidden
        scale = width**-0.5 if settings.tie_weights else 1.0  # tied, the table makes the logits too, so it is small
        self.source = TokenTable(source_size, width, dropout=settings.embedding_dropout)
        self.target = TokenTable(
            target_size + 1, width, dropout=settings.embedding_dropout, scale=scale, gain=1 / scale
        )
        self.encoder = build_stack(width, settings)
        one_way = settings.model_copy(update={"bidirectional": False})
        fed = width + (self.features if settings.input_feeding else 0)
        seen = self.encoder.output_size
        if settings.attention == "none":
            self.attention, self.lower, self.upper = None, build_stack(fed, one_way), None
        else:
            self.attention = Attention(settings.attention, hidden, seen)
            self.lower = build_stack(fed, one_way.model_copy(update={"num_layers": 1}))
            above = one_way.model_copy(update={"num_layers": max(1, settings.num_layers - 1)})
            self.upper = build_stack(hidden + seen, above) if settings.num_layers > 1 else None
        states = len(self.encoder.cell.states)
        read = hidden * self.encoder.num_directions
        self.bridge = nn.ModuleList(nn.Linear(read, hidden) for _ in range(states * (settings.bridge == "dense")))
        self.combine = nn.Linear(hidden + (seen if self.attention is not None else 0), self.features)
        self.dropout = nn.Dropout(settings.dropout)
        self.bias = nn.Parameter(torch.zeros(target_size))
        bound = self.features**-0.5
        own = None if settings.tie_weights else torch.empty(target_size, self.features).uniform_(-bound, bound)
        self.weight = None if own is None else nn.Parameter(own)

    def read(self, source: Tensor, lengths: Tensor) -> Reading:
        """The encoder over some sources. Shapes: source int64 [B, S], lengths int64 [B]"""
        x = self.dropout(self.source(source).dense())
        y, last = self.encoder(x, lengths=lengths)
        state = self._bridged(last, len(source))
        feed = y.new_zeros(len(source), self.features) if self.settings.input_feeding else None
        memory = None if self.attention is None else self.attention.remember(y, lengths)
        return Reading(memory, state, feed)

    def _bridged(self, last: State, batch: int) -> State:
        """The encoder's last states as the decoder's first: [L*D, B, H] -> [L, B, H]."""
        if self.settings.bridge == "none":
            return self._starts(batch)
        both = [s.view(-1, self.encoder.num_directions, *s.shape[1:]) for s in last]  # [L, D, B, H]
        if self.settings.bridge == "copy":
            return tuple(s.sum(1) for s in both)
        joined = [s.transpose(1, 2).flatten(2) for s in both]  # [L, B, D*H]
        return tuple(torch.tanh(linear(s)) for linear, s in zip(self.bridge, joined, strict=True))

    def _starts(self, batch: int) -> State:
        layers = [stack.initial_state(batch) for stack in (self.lower, self.upper) if stack is not None]
        return tuple(torch.cat(parts) for parts in zip(*layers, strict=True))

    def _reading_of(self, state: State) -> Reading:
        """What `_state_of` gave. Errors: ShapeError"""
        states, feeds = len(self.lower.cell.states), int(self.settings.input_feeding)
        expected = states + feeds + (3 if self.attention is not None else 0)
        if len(state) != expected:
            raise ShapeError(f"expected a state of {expected} tensors, as this network returns it, got {len(state)}")
        memory = None
        if self.attention is not None:
            values, keys, past = (part.transpose(0, 1) for part in state[-3:])
            memory = Memory(keys, values, past.squeeze(2))
        return Reading(memory, state[:states], state[states][0] if feeds else None)

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
        y, lower = self.lower(x, tuple(s[:low] for s in reading.state), lengths=lengths)
        state, weights = lower, None
        if self.attention is not None and reading.memory is not None:
            context, weights = self.attention(y, reading.memory)
            y = torch.cat([y, context], -1)
            if self.upper is not None:
                y, upper = self.upper(self.dropout(y), tuple(s[low:] for s in reading.state), lengths=lengths)
                state = tuple(torch.cat(parts) for parts in zip(lower, upper, strict=True))
                y = torch.cat([y, context], -1)
        features = torch.tanh(self.combine(y))
        feed = None if reading.feed is None else features[:, -1]
        return features, weights, Reading(reading.memory, state, feed)

    def step(self, tokens: Tensor, reading: Reading) -> tuple[Tensor, Tensor | None, Reading]:
        """One step of decoding. Shapes: tokens int64 [N] -> logits [N, V], weights [N, S] or None, the new standing"""
        features, weights, reading = self.write(tokens.unsqueeze(1), reading)
        logits = functional.linear(self.dropout(features[:, 0]), self.output_weight(), self.bias)
        return logits, None if weights is None else weights[:, 0], reading

    def output_weight(self) -> Tensor:
        """The output layer's weight [V, F]: its own, or the first rows of the target table."""
        return self.target.weight[: self.begin] if self.weight is None else self.weight

    def forward(
        self, inputs: SourceAndTarget, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """What may be written after each token of the target.

        Shapes: lengths int64 [B], of the target -> logits [B, T, V]; all that writing on needs: the decoder's states
                [L, B, H], with input feeding the last features [1, B, F], with attention what was read of the source,
                values [S, B, M], keys [S, B, K], and where a row is past its end, bool [S, B, 1]
        Errors: UsageError unless there is a source or a state
        """
        if (inputs.source is None) == (state is None):
            given = "neither" if state is None else "both"
            raise UsageError(f"an encoder-decoder reads a source to begin, or goes on from a state; got {given}")
        if state is not None:
            reading = self._reading_of(state)
        else:
            assert inputs.source is not None
            sources = inputs.source_lengths
            if sources is None:
                sources = torch.full((len(inputs.source),), inputs.source.shape[1])
            reading = self.read(inputs.source, sources)
        features, _, reading = self.write(inputs.target, reading, lengths)
        logits = functional.linear(self.dropout(features), self.output_weight(), self.bias)
        return logits, _state_of(reading)

    def loss(self, batch: EncoderDecoderBatch, state: State | None = None) -> Loss:
        """Mean cross-entropy of the targets, each read up to the token that is asked for. Units: nats per token

        Errors: UsageError for a state: each batch begins with its own sources
        """
        if state is not None:
            raise UsageError("each batch of an encoder-decoder begins with its own sources; got a state")
        reading = self.read(batch.source, batch.source_lengths)
        target = batch.target
        begin = target.new_full((len(target), 1), self.begin)
        inputs = torch.cat([begin, target[:, :-1]], 1)
        if batch.scheduled_sampling > 0:
            features = self._sample_inputs(inputs, reading, batch.scheduled_sampling)
        else:
            features, _, _ = self.write(inputs, reading)
        lengths = batch.target_lengths.to(target.device).unsqueeze(1)
        real = torch.arange(target.shape[1], device=target.device) < lengths
        chosen = self.dropout(features[real])
        found = linear_cross_entropy(chosen, self.output_weight(), self.bias, target[real], smoothing=batch.smoothing)
        return Loss(found, int(batch.target_lengths.sum()))

    def _sample_inputs(self, inputs: Tensor, reading: Reading, chance: float) -> Tensor:
        """As `write`, but each input after the first is by chance a draw from the step before. Shapes: as `write`"""
        found = []
        tokens = inputs[:, :1]
        for step in range(inputs.shape[1]):
            features, _, reading = self.write(tokens, reading)
            found.append(features)
            if step + 1 < inputs.shape[1]:
                with torch.no_grad():
                    logits = functional.linear(features[:, 0], self.output_weight(), self.bias)
                    drawn = torch.multinomial(logits.softmax(-1), 1)
                    own = torch.rand(len(inputs), 1, device=inputs.device) < chance
                tokens = torch.where(own, drawn, inputs[:, step + 1 : step + 2])
        return torch.cat(found, 1)


def _state_of(reading: Reading) -> State:
    """A reading as the tensors of a state, their rows in dimension 1."""
    parts = list(reading.state)
    if reading.feed is not None:
        parts.append(reading.feed.unsqueeze(0))
    if reading.memory is not None:
        memory = reading.memory
        parts += [part.transpose(0, 1) for part in (memory.values, memory.keys, memory.past.unsqueeze(2))]
    return tuple(parts)


def check(settings: EncoderDecoderSettings) -> None:
    """Errors: UsageError for settings of an encoder and decoder that do not go together"""
    if settings.attention == "none" and settings.bridge == "none":
        raise UsageError(
            "without attention the bridge is the only path from source to target; bridge none is not possible"
        )
