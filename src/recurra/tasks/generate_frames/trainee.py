"""A generator of frames to be trained, and what it says of a part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from recurra.data.batching.batches import POOL_BATCHES
from recurra.data.batching.buckets import by_length
from recurra.engines.request import State
from recurra.report.metric import ranked
from recurra.tasks.cutting import looked_at
from recurra.tasks.generate_frames.data import GenerateFramesData, Part
from recurra.tasks.generate_frames.metrics import METRICS
from recurra.tasks.generate_frames.preprocessor import Float32
from recurra.topologies.frame_generator import ConditionedFrames, FrameGenerator, FrameGeneratorBatch
from recurra.topologies.sequence_model import Loss
from recurra.training.processes.spread import spread
from recurra.training.settings import TrainingSettings

EVALUATION_NUMBERS = 1 << 20
"""Of a padded batch that is evaluated."""


class GenerateFramesTrainee:
    """See training.trainee.Trainee."""

    unit = "frames"
    chosen_by = ("loss",)

    def __init__(self, network: nn.Module, data: GenerateFramesData, training: TrainingSettings) -> None:
        self.network, self.data, self.training = network, data, training
        self.train = data.parts["train"]
        self.validation = data.parts["validation"]
        self.evaluation_units = sum(map(len, self.validation.encoded))

    def steps(self, epoch: int) -> int:
        return -(-len(self.train) // self.training.batch_size)

    def batches(self, epoch: int) -> Iterator[FrameGeneratorBatch]:
        """Sequences of nearly the same length together, in another order each epoch."""
        rng, size = np.random.default_rng([self.training.seed, epoch]), self.training.batch_size
        order, rows = rng.permutation(len(self.train)), self.train.encoded
        groups: list[list[int]] = []
        for start in range(0, len(order), POOL_BATCHES * size):
            pool = sorted(order[start : start + POOL_BATCHES * size].tolist(), key=lambda place: len(rows[place]))
            groups += [pool[at : at + size] for at in range(0, len(pool), size)]
        for place in rng.permutation(len(groups)):
            yield batch_of([rows[k] for k in groups[place]], self.train.labels[groups[place]].tolist())

    def costs(self, batch: FrameGeneratorBatch) -> npt.NDArray[Any]:
        return batch.lengths.numpy()

    def rows(self, batch: FrameGeneratorBatch, rows: slice) -> FrameGeneratorBatch:
        return some_rows(batch, rows)

    def loss(self, network: FrameGenerator, batch: FrameGeneratorBatch, state: State | None) -> Loss:
        return network.loss(on_device(batch, next(network.parameters()).device), state)

    def evaluate(self, network: FrameGenerator) -> dict[str, float]:
        return scores(network, self.validation)

    def limit_evaluation(self, units: int) -> int:
        whole = self.data.parts["validation"]
        self.validation = looked_at(whole, units, self.evaluation_units)
        return sum(map(len, self.validation.encoded))

    def rank(self, found: dict[str, float]) -> list[float]:
        return ranked(METRICS, self.chosen_by, found)


def batch_of(rows: Sequence[Float32], labels: Sequence[int]) -> FrameGeneratorBatch:
    """Rows padded to the longest; what is missing is read as the mean, 0. Shapes: N x [T, I]"""
    lengths = np.array([len(row) for row in rows], np.int64)
    targets = np.zeros((len(rows), int(lengths.max()), rows[0].shape[1]), np.float32)
    for place, row in enumerate(rows):
        targets[place, : len(row)] = row
    frames = np.zeros_like(targets)
    frames[:, 1:] = np.nan_to_num(targets[:, :-1])
    inputs = ConditionedFrames(torch.from_numpy(frames), torch.tensor(labels, dtype=torch.int64).unsqueeze(1))
    return FrameGeneratorBatch(inputs, torch.from_numpy(targets), torch.from_numpy(lengths))


def some_rows(batch: FrameGeneratorBatch, rows: slice) -> FrameGeneratorBatch:
    """Some of a batch, padded to the longest one."""
    lengths = batch.lengths[rows]
    longest = int(lengths.max())
    inputs = ConditionedFrames(batch.inputs.frames[rows, :longest], batch.inputs.indices[rows])
    return FrameGeneratorBatch(inputs, batch.targets[rows, :longest], lengths)


def on_device(batch: FrameGeneratorBatch, device: torch.device) -> FrameGeneratorBatch:
    """The same where the network is; lengths stay on the CPU."""
    inputs = ConditionedFrames(*(each.to(device) for each in batch.inputs))
    return FrameGeneratorBatch(inputs, batch.targets.to(device), batch.lengths)


@torch.inference_mode()
def scores(network: FrameGenerator, part: Part) -> dict[str, float]:
    """Mean over all numbers of a part. Units: nats per number"""
    network.eval()
    device = next(network.parameters()).device
    width = part.encoded[0].shape[1]

    def of_group(rows: npt.NDArray[np.int64]) -> float:
        batch = batch_of([part.encoded[place] for place in rows], part.labels[rows].tolist())
        return float(network.losses(on_device(batch, device))[0].double().sum())

    groups = by_length([len(row) for row in part.encoded], max(1, EVALUATION_NUMBERS // width))
    total = sum(spread(groups, of_group), start=0.0)
    return {"loss": total / part.numbers, "nats_per_number": total / part.numbers}
