"""N to M: a sequence is read by one recurrent network and another is written by a second, both trained together."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.topologies.copying import Copying, follow
from recurra.topologies.decoder import Decoder, Reading, Targets
from recurra.topologies.embedding import TokenTable
from recurra.topologies.search import Search
from recurra.topologies.sequence_model import Loss
from recurra.topologies.settings import EncoderDecoderSettings
from recurra.topologies.stacks import build_stack

NEVER = -1e4
"""A mean log-probability that no translation is below."""


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


class EncoderDecoder(Decoder[SourceAndTarget, EncoderDecoderBatch]):
    """Encoder, bridge of states, decoder with attention, one output per token that may be written; see decoder.Decoder.

    source_size: tokens that are read; target_size: tokens that are written, the end among them; glossed: a source goes
    on with a translation of it, whose tokens are numbered from source_size on and may be copied, see copying.Copying.
    Such a network says what is left to that translation: all whose best hypothesis has less than `doubt` nats a token,
    with the length penalty `penalty`.
    Errors: UsageError for settings that do not go together
    Source: Sutskever et al. 2014 (two networks); Niehues et al. 2016, Pre-translation for neural machine translation
    """

    settings: EncoderDecoderSettings

    def __init__(
        self, source_size: int, target_size: int, settings: EncoderDecoderSettings, *, glossed: bool = False
    ) -> None:
        super().__init__()
        check(settings, glossed=glossed)
        width, hidden = settings.embedding_size, settings.hidden_size
        self.own_size, self.copies = source_size, glossed
        self.source = TokenTable(source_size, width, dropout=settings.embedding_dropout)
        self._make_table(target_size, settings)
        self.encoder = build_stack(width, settings)
        seen = self.encoder.output_size
        one_way = settings.model_copy(update={"bidirectional": False})
        self._make_layers(seen, None if settings.attention == "none" else settings.attention, one_way)
        states = len(self.encoder.cell.states)
        read = hidden * self.encoder.num_directions
        self.bridge = nn.ModuleList(nn.Linear(read, hidden) for _ in range(states * (settings.bridge == "dense")))
        self._make_output(seen)
        self.copying = Copying(self.features, seen) if glossed else None
        self.draft = TokenTable(target_size, width, dropout=settings.embedding_dropout) if glossed else None
        if glossed:
            self.doubt: Tensor
            self.penalty: Tensor
            self.register_buffer("doubt", torch.tensor(NEVER))
            self.register_buffer("penalty", torch.tensor(Search().length_penalty))

    def read(self, source: Tensor, lengths: Tensor) -> Reading:
        """The encoder over some sources. Shapes: source int64 [B, S], lengths int64 [B]"""
        x = self.dropout(self._vectors(source))
        y, last = self.encoder(x, lengths=lengths)
        state = self._bridged(last, len(source))
        memory = None if self.attention is None else self.attention.remember(y, lengths)
        reading = Reading(memory, state, self._no_feed(y))
        if memory is None or not self.copies:
            return reading
        copied = (source - self.own_size).clamp(min=-1).masked_fill(memory.past, -1)
        place = self.own_lengths(source, lengths).to(source.device).unsqueeze(1)
        return replace(reading, memory=replace(memory, copied=copied), positions=place)

    def _vectors(self, source: Tensor) -> Tensor:
        """Shapes: int64 [B, S] -> [B, S, E]"""
        if self.draft is None:
            found: Tensor = self.source(source).dense()
            return found
        of_draft = source >= self.own_size
        own = self.source(source.masked_fill(of_draft, 0)).dense()
        drafted = self.draft((source - self.own_size).clamp(min=0)).dense()
        return torch.where(of_draft.unsqueeze(2), drafted, own)

    def write(
        self, inputs: Tensor, reading: Reading, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Reading]:
        features, weights, after = super().write(inputs, reading, lengths)
        if reading.positions is None:
            return features, weights, after
        positions = follow(_draft(reading)[1], inputs, reading.positions[:, -1])
        if lengths is not None:  # a row that has ended stays where it was
            steps = torch.arange(inputs.shape[1], device=positions.device).expand_as(positions)
            last = (lengths.to(positions.device) - 1).clamp(min=0).unsqueeze(1)
            positions = positions.gather(1, torch.minimum(steps, last))
        return features, weights, replace(after, positions=positions)

    def own_lengths(self, source: Tensor, lengths: Tensor) -> Tensor:
        """Of each source the tokens that are its own, those of its translation left out. Shapes: as `read` -> [B]"""
        if not self.copies:
            return lengths
        inside = torch.arange(source.shape[1]) < lengths.cpu().unsqueeze(1)
        return (inside & (source.cpu() < self.own_size)).sum(1)

    def outputs(self, features: Tensor, reading: Reading) -> Tensor:
        return self._mixed(self.logits(features), features, reading)

    def _spoken(self, features: Tensor, reading: Reading) -> Tensor:
        return self._mixed(super()._spoken(features, reading).unsqueeze(1), features, reading)[:, 0]

    def _mixed(self, logits: Tensor, features: Tensor, reading: Reading) -> Tensor:
        """Log-probabilities with what is copied, where a draft is. Shapes: [B, T, V], [B, T, F] -> [B, T, V]"""
        if self.copying is None:
            return logits
        weights, copied = self._looked(features, reading)
        found: Tensor = self.copying(logits, features, weights, copied)
        return found

    def _looked(self, features: Tensor, reading: Reading) -> tuple[Tensor, Tensor]:
        """Where in the draft is looked, and what is there. Shapes: [B, T, F] -> [B, T, S], int64 [B, T, S]"""
        assert self.copying is not None
        assert reading.positions is not None
        values, copied = _draft(reading)
        weights = self.copying.look(features, values, copied, reading.positions)
        return weights, copied.unsqueeze(1).expand_as(weights)

    def loss(self, batch: EncoderDecoderBatch, state: State | None = None) -> Loss:
        if self.copying is None:
            return super().loss(batch, state)
        self.check_no_state(state)
        reading, targets = self.begun(batch)
        features, _, reading, real = self.along(reading, targets)
        chosen, wanted = features[real], targets.tokens[real]
        weights, copied = (part[real] for part in self._looked(features, reading))
        found = self.copying.mean_loss(
            self.logits(chosen), chosen, weights, copied, wanted, smoothing=targets.smoothing
        )
        return Loss(found, int(targets.lengths.sum()))

    def _bridged(self, last: State, batch: int) -> State:
        """The encoder's last states as the decoder's first: [L*D, B, H] -> [L, B, H]."""
        if self.settings.bridge == "none":
            return self._starts(batch)
        both = [s.view(-1, self.encoder.num_directions, *s.shape[1:]) for s in last]  # [L, D, B, H]
        if self.settings.bridge == "copy":
            return tuple(s.sum(1) for s in both)
        joined = [s.transpose(1, 2).flatten(2) for s in both]  # [L, B, D*H]
        return tuple(torch.tanh(linear(s)) for linear, s in zip(self.bridge, joined, strict=True))

    def forward(
        self, inputs: SourceAndTarget, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """What may be written after each token of the target.

        Shapes: lengths int64 [B], of the target -> logits [B, T, V]; all that writing on needs: the decoder's states
                [L, B, H], with input feeding the last features [1, B, F], with attention what was read of the source,
                values [S, B, M], keys [S, B, K], and where a row is past its end, bool [S, B, 1], of glossed sources
                what may be copied, int64 [S, B, 1], and where of it is next, int64 [1, B, 1]
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
        return self.outputs(features, reading), self._state_of(reading)

    def begun(self, batch: EncoderDecoderBatch) -> tuple[Reading, Targets]:
        reading = self.read(batch.source, batch.source_lengths)
        targets = Targets(batch.target, batch.target_lengths, batch.smoothing, batch.scheduled_sampling)
        return reading, targets

    def check_no_state(self, state: State | None) -> None:
        if state is not None:
            raise UsageError("each batch of an encoder-decoder begins with its own sources; got a state")


def _draft(reading: Reading) -> tuple[Tensor, Tensor]:
    """What was read, and what of it may be copied. Shapes: [B, S, M], int64 [B, S]"""
    assert reading.memory is not None
    assert reading.memory.copied is not None
    return reading.memory.values, reading.memory.copied


def check(settings: EncoderDecoderSettings, *, glossed: bool = False) -> None:
    """Errors: UsageError for settings of an encoder and decoder that do not go together"""
    if settings.attention == "none" and settings.bridge == "none":
        raise UsageError(
            "without attention the bridge is the only path from source to target; bridge none is not possible"
        )
    if settings.attention == "none" and glossed:
        raise UsageError("skip lexical copies what attention looks at; give another attention than none, or skip none")
