"""1 to N: a picture is looked at, a sentence is written."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.request import State
from recurra.errors import ShapeError, UsageError
from recurra.layers.dropout import Dropout
from recurra.topologies.decoder import Decoder, Reading, Targets
from recurra.topologies.efficientnet import EfficientNetLite0
from recurra.topologies.grid_encoders import Apart, GivenVectors, SmallConvolutions
from recurra.topologies.linear_loss import linear_costs, linear_cross_entropy
from recurra.topologies.resnet import ResNet
from recurra.topologies.sequence_model import Loss
from recurra.topologies.settings import CaptionerSettings

COLOUR_GAP = 0.5
"""So much more a word costs in false colours, on an average over a batch, if colours tell it. Units: nats"""

BY_LOOKING = 0.5
"""Share of the training captions whose colours come to the decoder by attention alone."""


class PictureAndTokens(NamedTuple):
    """What is looked at and what is being written.

    Shapes: tokens int64 [B, T], those that the decoder reads, `begin` before the first; pictures uint8 [B, 3, S, S] or
            vectors [B, S, C], None where a state is given, which has seen them
    """

    tokens: Tensor
    pictures: Tensor | None = None


class CaptionBatch(NamedTuple):
    """Pictures and a caption each.

    smoothing: of the labels; scheduled_sampling: see decoder.Targets
    Shapes: pictures as in PictureAndTokens; target int64 [B, T] with its end, lengths int64 [B]
    """

    pictures: Tensor
    target: Tensor
    lengths: Tensor
    smoothing: float = 0.0
    scheduled_sampling: float = 0.0


class Captioner(Decoder[PictureAndTokens, CaptionBatch]):
    """A picture's vectors, made narrow, and a decoder that begins from them.

    Their mean and their maximum stand for the whole. settings.condition says how the decoder gets these: "input", they
    are its first input; "state", they make the initial states; "steps", they make those and are part of the input and
    the output of each step; "attention", as "steps", and each step looks at the grid; "none", it is not seen: a
    language model of captions. A picture that enters once is forgotten with every word, one that is there at each step
    is learned from several times as fast, and better where its parts stand together as they never did before.
    What leads from given vectors to the decoder begins at zero, so that the network begins as that language model and
    learns only what pictures add: wide vectors of few pictures are learned by heart otherwise. Convolutions that are
    trained with the rest need that way open from the first step.

    encoder: what makes vectors of what it is given; positions: of the grid; target_size: tokens that may be written,
    the end among them; trunk: what made the vectors that the encoder is given, kept beside it so that whoever has the
    network can make those of further pictures
    Source: Vinyals et al. 2015, Show and tell (input, state); Mao et al. 2015, Deep captioning with
            multimodal recurrent neural networks (each output); Xu et al. 2015, Show, attend and tell (attention)
    """

    settings: CaptionerSettings

    def __init__(
        self,
        encoder: SmallConvolutions | GivenVectors,
        positions: int,
        target_size: int,
        settings: CaptionerSettings,
        trunk: EfficientNetLite0 | ResNet | None = None,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        looked = settings.condition == "attention"
        seen, hidden = settings.picture_size, settings.hidden_size
        self.positions = positions
        self._make_table(target_size, settings)
        if settings.condition == "none":
            self.encoder, self.reduce = None, None
        else:
            self.encoder = encoder
            self.reduce = nn.Linear(encoder.width, seen) if isinstance(encoder, GivenVectors) else Apart(seen)
            self.place = nn.Parameter(torch.zeros(positions, seen))
        self.picture_dropout = Dropout(settings.picture_dropout)
        given = 2 * seen if settings.condition in ("steps", "attention") else 0
        self._make_layers(seen, settings.attention if looked else None, settings, given)
        states = len(self.lower.cell.states) * settings.num_layers
        outputs = {"input": settings.embedding_size, "none": 0}.get(str(settings.condition), states * hidden)
        self.bridge = nn.Linear(2 * seen, outputs) if outputs else None
        self._make_output(seen)
        if self.bridge is not None and isinstance(encoder, GivenVectors):
            nn.init.zeros_(self.bridge.weight)
            nn.init.zeros_(self.bridge.bias)
            if given:
                nn.init.zeros_(self.combine.weight[:, settings.hidden_size :])
                nn.init.zeros_(self.lower.get_parameter("weight_ih_l0")[:, -given:])

    def see(self, pictures: Tensor) -> Tensor:
        """The grid of a picture, narrow. Shapes: as PictureAndTokens.pictures -> [B, S, P]"""
        assert self.encoder is not None
        if pictures.dim() == 4 and isinstance(self.encoder, GivenVectors):
            raise ShapeError(
                f"expected vectors [B, {self.positions}, {self.encoder.width}], got {list(pictures.shape)}"
            )
        grid = self.encoder(pictures)
        if grid.shape[1:] != (self.positions, self.encoder.width):
            wanted = [len(grid), self.positions, self.encoder.width]
            raise ShapeError(f"expected the vectors of pictures {wanted}, got {list(grid.shape)}")
        if isinstance(self.encoder, GivenVectors):
            grid = functional.layer_norm(grid, grid.shape[-1:])  # whatever their scale
        return self._narrow(grid)

    def _narrow(self, grid: Tensor) -> Tensor:
        """Shapes: [B, S, C] -> [B, S, P]"""
        assert self.reduce is not None
        return functional.relu(self.reduce(self.picture_dropout(grid)) + self.place)

    def read(self, pictures: Tensor) -> Reading:
        """Where decoding begins after some pictures. Shapes: as PictureAndTokens.pictures"""
        if self.bridge is None:
            start = self._starts(len(pictures))
            return Reading(None, start, self._no_feed(start[0][0]))
        return self._begin(self.see(pictures))

    def _begin(self, grid: Tensor) -> Reading:
        """Where decoding begins after some narrow grids. Shapes: [B, S, P]"""
        assert self.bridge is not None
        batch = len(grid)
        start = self._starts(batch)
        feed = self._no_feed(start[0][0])
        whole = torch.cat([grid.mean(1), grid.amax(1)], -1)
        if self.training and self.attention is not None and isinstance(self.reduce, Apart):
            of_shapes = torch.arange(grid.shape[2], device=grid.device) < self.reduce.wide
            shown = torch.rand(batch, 1, device=grid.device) >= BY_LOOKING
            whole = whole * (shown | of_shapes.repeat(2))  # or which thing has which colour is guessed by their sizes
        led = self.bridge(whole)
        if self.settings.condition == "input":
            fed = led if feed is None else torch.cat([led, feed], -1)
            _, state = self.lower(fed.unsqueeze(1), start)
            return Reading(None, state, feed)
        parts = led.tanh().view(batch, len(self.lower.cell.states), self.settings.num_layers, -1).permute(1, 2, 0, 3)
        state = tuple(begun + part for begun, part in zip(start, parts, strict=True))
        memory = None
        if self.attention is not None:
            memory = self.attention.remember(grid, torch.full((batch,), grid.shape[1]))
        return Reading(memory, state, feed, whole if self.given else None)

    def forward(
        self, inputs: PictureAndTokens, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """What may be written after each token.

        Shapes: lengths int64 [B], of the tokens -> logits [B, T, V]; all that writing on needs: see `_state_of`
        Errors: UsageError unless there are pictures or a state
        """
        if (inputs.pictures is None) == (state is None):
            given = "neither" if state is None else "both"
            raise UsageError(f"a captioner looks at pictures to begin, or goes on from a state; got {given}")
        if state is None:
            assert inputs.pictures is not None
            reading = self.read(inputs.pictures)
        else:
            reading = self._reading_of(state)
        features, _, reading = self.write(inputs.tokens, reading, lengths)
        return self.logits(features), self._state_of(reading)

    def begun(self, batch: CaptionBatch) -> tuple[Reading, Targets]:
        return self.read(batch.pictures), self._targets(batch)

    def _targets(self, batch: CaptionBatch) -> Targets:
        dropped = self.settings.word_dropout if self.training else 0.0
        return Targets(batch.target, batch.lengths, batch.smoothing, batch.scheduled_sampling, dropped)

    def loss(self, batch: CaptionBatch, state: State | None = None) -> Loss:
        """As every decoder's. Convolutions learn from each picture twice, in its colours and in those of another.

        A word that costs COLOUR_GAP more in false colours is told by colours: there it does not count. All others must
        come out the same, so that what has a shape is never guessed from a colour that it usually has.
        """
        if not (self.training and isinstance(self.encoder, SmallConvolutions)):
            return super().loss(batch, state)
        self.check_no_state(state)
        one = self._targets(batch)
        both = replace(one, tokens=one.tokens.repeat(2, 1), lengths=one.lengths.repeat(2))
        features, wanted = self.before_output(self._begin(self._narrow(self.encoder.twice(batch.pictures))), both)
        output, bias = self.output_weight(), self.bias
        more = colour_gaps(linear_costs(features, output, bias, wanted), wanted, len(bias)) > COLOUR_GAP
        counted = torch.cat([torch.ones_like(more), ~more])
        found = linear_cross_entropy(features[counted], output, bias, wanted[counted], smoothing=one.smoothing)
        return Loss(found * counted.float().mean(), int(one.lengths.sum()))

    def check_no_state(self, state: State | None) -> None:
        if state is not None:
            raise UsageError("each batch of a captioner begins with its own pictures; got a state")


def colour_gaps(costs: Tensor, tokens: Tensor, target_size: int) -> Tensor:
    """How much more the token at each place costs in false colours, as a mean over all places of that token.

    Shapes: costs [2N], in true colours and after them in false ones; tokens int64 [2N] -> [N]. Units: nats
    """
    true, false = costs.chunk(2)
    tokens = tokens[: len(true)]
    count = torch.bincount(tokens, minlength=target_size)
    gaps = torch.zeros_like(count, dtype=costs.dtype).index_add_(0, tokens, false - true)
    return (gaps / count.clamp(min=1))[tokens]
