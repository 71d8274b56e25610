"""1 to N in numbers: a whole sequence of frames from one condition, such as a class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.request import State
from recurra.layers.dropout import Dropout, dropout
from recurra.topologies.frames import within
from recurra.topologies.sequence_model import Loss, SequenceModel
from recurra.topologies.settings import FrameGeneratorSettings
from recurra.topologies.stacks import build_stack

NARROWEST, WIDEST = -5.0, 2.0
"""Of the logarithms of deviations: a channel that never changes must not make a density without bound."""


class ConditionedFrames(NamedTuple):
    """What is read. Shapes: frames [B, T, I], each the one before, zeros before the first; indices int64 [B, A], a
    value of each attribute
    """

    frames: Tensor
    indices: Tensor


class FrameGeneratorBatch(NamedTuple):
    """Sequences of conditions. Shapes: targets [B, T, I], what follows each frame, NaN where unknown; lengths [B]"""

    inputs: ConditionedFrames
    targets: Tensor
    lengths: Tensor


class NextFrame(NamedTuple):
    """What is said of the next frame: whether it is the last one, and a mixture of K Gaussians.

    Shapes: end [...], a logit; weights [..., K], log-probabilities; means, scales [..., K, I], scales as logarithms
    """

    end: Tensor
    weights: Tensor
    means: Tensor
    scales: Tensor


class FrameGenerator(SequenceModel[ConditionedFrames, FrameGeneratorBatch]):
    """A frame is drawn from what the recurrent layers say after the ones before it.

    Two dense layers with dropout read a frame: what is drawn is never quite what training has seen, and a network that
    may copy the last frame learns little else. A condition is the sum of its values' vectors; it makes the initial
    states and stands beside every frame and every output. With `from_last` the means are added to a linear map of the
    frame before, which starts as that frame: where frames change little, that is most of the next one.

    Maths:   p(x, end | h) = sigmoid(+-e) sum_k w_k prod_i N(x_i; m_ki, s_ki)
    Source:  Graves 2013, Generating Sequences With Recurrent Neural Networks; the reader: Wang et al. 2017, Tacotron
    """

    def __init__(self, width: int, attributes: Sequence[int], settings: FrameGeneratorSettings) -> None:
        super().__init__()
        self.width, self.mixtures = width, settings.mixtures
        beside = settings.condition_size
        self.values = nn.ModuleList(nn.Embedding(size, beside) for size in attributes)
        self.reader = nn.ModuleList(
            [nn.Linear(width, 2 * settings.reader_size), nn.Linear(2 * settings.reader_size, settings.reader_size)]
        )
        self.reader_dropout = settings.reader_dropout
        self.stack = build_stack(settings.reader_size + beside, settings)
        self.bridge = nn.Linear(beside, settings.num_layers * settings.hidden_size * len(self.stack.cell.states))
        self.dropout = Dropout(settings.dropout)
        self.head = nn.Linear(self.stack.output_size + beside, 1 + self.mixtures * (1 + 2 * width))
        self.step = nn.Linear(width, width, bias=False) if settings.from_last else None
        if self.step is not None:
            nn.init.eye_(self.step.weight)

    def forward(
        self, inputs: ConditionedFrames, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """What follows each frame, see `said`. Shapes: -> [B, T, 1 + K + 2 K I]; the layers' last states"""
        vectors = self.condition(inputs.indices)
        beside = vectors.unsqueeze(1).expand(-1, inputs.frames.shape[1], -1)
        x = inputs.frames
        for layer in self.reader:
            x = dropout(layer(x).relu(), self.reader_dropout, self.training)
        y, last = self.stack(
            torch.cat([x, beside], -1), self.start(vectors) if state is None else state, lengths=lengths
        )
        outputs = self.head(torch.cat([self.dropout(y), beside], -1))
        if self.step is None:
            return outputs, last
        before, means, scales = torch.split(outputs, [1 + self.mixtures, *[self.mixtures * self.width] * 2], -1)
        means = means + self.step(inputs.frames).repeat(1, 1, self.mixtures)
        return torch.cat([before, means, scales], -1), last

    def condition(self, indices: Tensor) -> Tensor:
        """Shapes: indices int64 [B, A], a value of each attribute -> vectors [B, E]"""
        vectors: Tensor = torch.stack([value(indices[:, i]) for i, value in enumerate(self.values)]).sum(0)
        return vectors

    def start(self, vectors: Tensor) -> State:
        """Shapes: vectors [B, E] -> for each state of the cell [L, B, H]"""
        rows = self.bridge(vectors).tanh().view(len(vectors), len(self.stack.cell.states), self.stack.num_layers, -1)
        return tuple(rows.permute(1, 2, 0, 3).contiguous())

    def said(self, outputs: Tensor) -> NextFrame:
        """Shapes: outputs [..., 1 + K + 2 K I]"""
        end, weights, rest = torch.split(outputs.float(), [1, self.mixtures, 2 * self.mixtures * self.width], -1)
        means, scales = rest.view(*rest.shape[:-1], 2, self.mixtures, self.width).unbind(-3)
        return NextFrame(end.squeeze(-1), weights.log_softmax(-1), means, scales.clamp(NARROWEST, WIDEST))

    def losses(self, batch: FrameGeneratorBatch, state: State | None = None) -> tuple[Tensor, State]:
        """What each frame costs, the end among it. Shapes: -> [sum of lengths], row after row. Units: nats"""
        outputs, last = self.forward(batch.inputs, batch.lengths, state)
        inside = within(batch.lengths, outputs.shape[1], outputs.device)
        found, targets = self.said(outputs[inside]), batch.targets[inside].float()
        steps = torch.arange(outputs.shape[1], device=outputs.device)
        ends = (steps == batch.lengths.to(outputs.device).unsqueeze(1) - 1)[inside].float()
        return -log_density(found, targets) + functional.binary_cross_entropy_with_logits(
            found.end, ends, reduction="none"
        ), last

    def loss(self, batch: FrameGeneratorBatch, state: State | None = None) -> Loss:
        """Mean of the frames' losses over their numbers. Units: nats per number"""
        losses, _ = self.losses(batch, state)
        return Loss(losses.mean() / self.width, len(losses))


def log_density(found: NextFrame, frames: Tensor) -> Tensor:
    """Of frames under what was said of them; channels that are NaN do not count. Shapes: [N, I] -> [N]. Units: nats"""
    known = ~frames.isnan()
    away = (frames.nan_to_num().unsqueeze(-2) - found.means) / found.scales.exp()
    each = -0.5 * away.square() - found.scales - 0.5 * math.log(2 * math.pi)
    return (found.weights + (each * known.unsqueeze(-2)).sum(-1)).logsumexp(-1)
