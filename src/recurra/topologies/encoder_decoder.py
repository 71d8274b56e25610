"""N to M: a sequence is read by one recurrent network and another is written by a second, both trained together."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.topologies.decoder import Decoder, Reading, Targets
from recurra.topologies.embedding import TokenTable
from recurra.topologies.settings import EncoderDecoderSettings
from recurra.topologies.stacks import build_stack


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

    source_size: tokens that are read; target_size: tokens that are written, the end among them.
    Errors: UsageError for settings that do not go together
    Source: Sutskever et al. 2014 (two networks)
    """

    settings: EncoderDecoderSettings

    def __init__(self, source_size: int, target_size: int, settings: EncoderDecoderSettings) -> None:
        super().__init__()
        check(settings)
        width, hidden = settings.embedding_size, settings.hidden_size
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

    def read(self, source: Tensor, lengths: Tensor) -> Reading:
        """The encoder over some sources. Shapes: source int64 [B, S], lengths int64 [B]"""
        x = self.dropout(self.source(source).dense())
        y, last = self.encoder(x, lengths=lengths)
        state = self._bridged(last, len(source))
        memory = None if self.attention is None else self.attention.remember(y, lengths)
        return Reading(memory, state, self._no_feed(y))

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
        return self.logits(features), self._state_of(reading)

    def begun(self, batch: EncoderDecoderBatch) -> tuple[Reading, Targets]:
        reading = self.read(batch.source, batch.source_lengths)
        targets = Targets(batch.target, batch.target_lengths, batch.smoothing, batch.scheduled_sampling)
        return reading, targets

    def check_no_state(self, state: State | None) -> None:
        if state is not None:
            raise UsageError("each batch of an encoder-decoder begins with its own sources; got a state")


def check(settings: EncoderDecoderSettings) -> None:
    """Errors: UsageError for settings of an encoder and decoder that do not go together"""
    if settings.attention == "none" and settings.bridge == "none":
        raise UsageError(
            "without attention the bridge is the only path from source to target; bridge none is not possible"
        )
