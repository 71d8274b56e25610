"""A model of frames to be trained, and its answers about a part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra import metrics
from recurra.data.batching.batches import POOL_BATCHES
from recurra.data.batching.buckets import by_length
from recurra.engines.request import State
from recurra.report.metric import ranked
from recurra.tasks.cutting import looked_at
from recurra.tasks.frames.clip_variation import moved
from recurra.tasks.frames.data import FramesData, Int64, Part
from recurra.tasks.frames.metrics import METRICS
from recurra.tasks.frames.preprocessor import Encoded, Float32, FramesPreprocessor
from recurra.tasks.frames.settings import FramesTrainingSettings
from recurra.tasks.frames.sound.augmentation import Variation
from recurra.topologies.frames import FrameNetwork, FramesBatch
from recurra.topologies.sequence_model import Loss
from recurra.training.processes.spread import spread

LEAST_EVALUATED = 20
"""Sequences that say something of a model, whose frames are many at times."""
EVALUATION_NUMBERS = 1 << 22
"""Of a padded batch that is evaluated."""


@dataclass(frozen=True)
class Piece:
    """Frames of a sequence from `start` to before `stop`."""

    sequence: int
    start: int
    stop: int


class FramesTrainee:
    """See training.trainee.Trainee."""

    chosen_by = ("accuracy", "loss")

    def __init__(self, network: nn.Module, data: FramesData, training: FramesTrainingSettings) -> None:
        self.network, self.data, self.training = network, data, training
        self.per_frame = data.preprocessor.per_frame
        self.unit = "frames" if self.per_frame else "sequences"
        if self.per_frame:
            self.chosen_by = ("macro_f1", "loss")
        self.train, self.deviations = data.parts["train"], pixel_deviations(data.preprocessor)
        self.validation = data.parts["validation"]
        self.evaluation_units = len(self.validation.targets)
        sound = data.preprocessor.sound
        self.variation = None if sound is None else Variation(sound, training, per_frame=self.per_frame)
        self.shift = training.balance * log_frequencies(data) if training.balance else None

    def steps(self, epoch: int) -> int:
        return -(-len(self._pieces(np.random.default_rng([self.training.seed, epoch]))) // self.training.batch_size)

    def batches(self, epoch: int) -> Iterator[FramesBatch]:
        rng, size = np.random.default_rng([self.training.seed, epoch]), self.training.batch_size
        pieces = self._pieces(rng)
        order = rng.permutation(len(pieces))
        groups = []
        for start in range(0, len(order), POOL_BATCHES * size):
            pool = sorted(order[start : start + POOL_BATCHES * size], key=lambda k: pieces[k].stop - pieces[k].start)
            groups += [pool[at : at + size] for at in range(0, len(pool), size)]
        for place in rng.permutation(len(groups)):
            yield self._batch([pieces[k] for k in groups[place]], rng)

    def _pieces(self, rng: np.random.Generator) -> list[Piece]:
        """Whole sequences; with a label a frame, long ones cut at places that differ from epoch to epoch."""
        most, found = self.training.max_frames, []
        for number, row in enumerate(self.train.encoded):
            if not self.per_frame or most is None or len(row) <= most:
                found.append(Piece(number, 0, len(row)))
                continue
            edges = [0, *range(int(rng.integers(1, most + 1)), len(row), most), len(row)]
            found += [Piece(number, a, b) for a, b in pairwise(edges)]
        return found

    def _batch(self, pieces: Sequence[Piece], rng: np.random.Generator) -> FramesBatch:
        found = [self._row(one, rng) for one in pieces]
        made = batch_of([row for row, _ in found], [labels for _, labels in found])
        if self.training.noise and self.deviations is not None:
            noise = rng.standard_normal(made.x.shape, np.float32) * (self.training.noise * self.deviations)
            made = made._replace(x=made.x.float() + torch.from_numpy(noise))
        elif self.training.noise:
            made_of = self.data.preprocessor
            channels = len(made_of.channels) if made_of.picture is None else made_of.input_width
            noise = rng.standard_normal((*made.x.shape[:2], channels), np.float32) * self.training.noise
            made.x[..., :channels] += torch.from_numpy(noise)
        return made._replace(shift=self.shift)

    def _row(self, one: Piece, rng: np.random.Generator) -> tuple[Encoded, Int64]:
        """The frames of a piece and their labels, or its label; of sound and clips, varied."""
        own = self.train.labels[one.sequence]
        labels = own[one.start : one.stop] if self.per_frame else own
        samples = self.train.sequences[one.sequence].samples
        if samples is None or self.variation is None or not self.variation.on:
            values = self.train.encoded[one.sequence][one.start : one.stop]
            shape = self.data.preprocessor.picture
            if shape is None or shape.rows or not self.training.move:
                return values, labels
            return moved(np.asarray(values, np.uint8), shape, self.training.move, rng), labels
        return self.variation.of(samples, one.start, one.stop, labels, self._scaled, rng)

    def _scaled(self, values: npt.NDArray[np.float64]) -> Float32:
        return np.asarray(self.data.preprocessor.encode(values), np.float32)

    def costs(self, batch: FramesBatch) -> npt.NDArray[Any]:
        return batch.lengths.numpy()

    def rows(self, batch: FramesBatch, rows: slice) -> FramesBatch:
        return some_rows(batch, rows, per_frame=self.per_frame)

    def loss(self, network: FrameNetwork, batch: FramesBatch, state: State | None) -> Loss:
        return network.loss(on_device(batch, next(network.parameters()).device), state)

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        return scores_of(self.validation, log_probabilities(network, self.validation.encoded))

    def limit_evaluation(self, units: int) -> int:
        whole = self.data.parts["validation"]
        self.validation = looked_at(whole, units, self.evaluation_units, least=LEAST_EVALUATED)
        return len(self.validation.targets)

    def rank(self, found: dict[str, float]) -> list[float]:
        return ranked(METRICS, self.chosen_by, found)


def pixel_deviations(made: FramesPreprocessor) -> Float32 | None:
    """Of the pictures of clips, which the network scales: the deviation of each of their numbers [C H W]; else None"""
    if made.picture is None or made.picture.rows:
        return None
    return np.repeat(np.array(made.deviation, np.float32), made.picture.height * made.picture.width)


def batch_of(rows: Sequence[Encoded], labels: Sequence[Int64]) -> FramesBatch:
    """Rows padded to the longest. Shapes: N x [T, W] -> x [N, T, W]"""
    lengths = np.array([len(row) for row in rows], np.int64)
    x = np.zeros((len(rows), int(lengths.max()), rows[0].shape[1]), rows[0].dtype)
    for place, row in enumerate(rows):
        x[place, : len(row)] = row
    return FramesBatch(torch.from_numpy(x), torch.from_numpy(lengths), torch.from_numpy(np.concatenate(labels)))


def some_rows(batch: FramesBatch, rows: slice, *, per_frame: bool) -> FramesBatch:
    """Some of a batch, padded to the longest one. per_frame: each frame has a class"""
    lengths = batch.lengths[rows]
    classes = batch.classes[rows]
    if per_frame:
        ends = torch.cat([batch.lengths.new_zeros(1), batch.lengths.cumsum(0)])
        classes = batch.classes[int(ends[rows.start]) : int(ends[rows.stop])]
    return batch._replace(x=batch.x[rows, : int(lengths.max())], lengths=lengths, classes=classes)


def on_device(batch: FramesBatch, device: torch.device) -> FramesBatch:
    """The same where the network is; lengths stay on the CPU."""
    shift = None if batch.shift is None else batch.shift.to(device)
    return FramesBatch(batch.x.to(device), batch.lengths, batch.classes.to(device), shift)


def log_frequencies(data: FramesData) -> Tensor:
    """Log of each class's share of the training part [C].

    Added to the logits in training alone, it leaves to the network what does not follow from how frequent a class is.
    Source: Menon et al. 2021, Long-tail learning via logit adjustment
    """
    counts = torch.from_numpy(np.bincount(data.parts["train"].targets, minlength=len(data.preprocessor.classes)))
    return ((counts + 1) / (counts + 1).sum()).log().float()


@torch.inference_mode()
def log_probabilities(network: nn.Module, encoded: Sequence[Encoded]) -> Tensor:
    """Of every class, in nats, of each sequence or of each frame. Shapes: N x [T, W] -> [N, C] or [sum of T, C]"""
    device = next(network.parameters()).device

    def of_group(indices: Int64) -> Tensor:
        made = batch_of([encoded[place] for place in indices], [np.zeros(1, np.int64)] * len(indices))
        logits, _ = network(made.x.to(device), made.lengths)
        return logits.float().log_softmax(-1).cpu()  # type: ignore[no-any-return]

    found: dict[int, Tensor] = {}
    width = max(1, encoded[0].shape[1])
    groups = list(by_length([len(row) for row in encoded], max(1, EVALUATION_NUMBERS // width)))
    for indices, logs in zip(groups, spread(groups, of_group), strict=True):
        for row, place in enumerate(indices.tolist()):
            found[place] = logs[row, : len(encoded[place])] if logs.dim() == 3 else logs[row : row + 1]
    return torch.cat([found[place] for place in range(len(encoded))])


def scores_of(part: Part, logs: Tensor) -> dict[str, float]:
    """Loss in nats per sequence or frame, accuracy, macro-F1 and balanced accuracy of log-probabilities [N, C]."""
    loss = float(functional.nll_loss(logs, torch.from_numpy(part.targets)))
    return {"loss": loss} | scores(part.targets, logs.argmax(-1).numpy())


def scores(true: Int64, predicted: Int64) -> dict[str, float]:
    """As `scores_of`, of answers alone."""
    return {
        "accuracy": metrics.accuracy(true, predicted),
        "macro_f1": metrics.macro_f1(true, predicted),
        "balanced_accuracy": metrics.balanced_accuracy(true, predicted),
    }
