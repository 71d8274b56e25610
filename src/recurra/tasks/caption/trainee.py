"""A captioner to be trained, and what a part costs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from recurra import metrics
from recurra.data.batching.batches import POOL_BATCHES, Batch, BucketedBatches
from recurra.data.batching.buckets import by_length
from recurra.engines.request import State
from recurra.report.metric import ranked
from recurra.tasks.caption import encoders
from recurra.tasks.caption.data import CaptionData, CaptionPart
from recurra.tasks.caption.metrics import METRICS
from recurra.tasks.caption.preprocessor import CaptionPreprocessor
from recurra.tasks.cutting import looked_at
from recurra.tasks.decoding.settings import DecoderTrainingSettings, ramped
from recurra.topologies.captioner import CaptionBatch, Captioner
from recurra.topologies.grid_encoders import GivenVectors, SmallConvolutions
from recurra.topologies.sequence_model import Loss
from recurra.topologies.settings import CaptionerSettings
from recurra.training.processes.spread import spread

EVALUATION_TOKENS = 4096
"""In a batch that is evaluated."""
EVALUATION_ROWS = 256


class CaptionTrainee:
    """See training.trainee.Trainee. A picture stands beside each of its captions."""

    unit = "tokens"
    chosen_by = ("loss",)

    def __init__(self, network: nn.Module, data: CaptionData, training: DecoderTrainingSettings) -> None:
        self.network, self.data, self.training = network, data, training
        self.part = data.parts["train"]
        self.validation = data.parts["validation"]
        self.evaluation_units = self.validation.tokens
        # a batch of captions of one length is one of like pictures, whose moments the batch norms would learn by
        pool = 1 if data.preprocessor.encoder == "small" else POOL_BATCHES
        self._batches = BucketedBatches(
            self.part.encoded, self.part.owners, training.batch_size, seed=training.seed, pool=pool
        )

    def steps(self, epoch: int) -> int:
        return self._batches.steps(epoch)

    def batches(self, epoch: int) -> Iterator[tuple[Batch, float]]:
        steps = self.steps(epoch)
        for step, batch in enumerate(self._batches.epoch(epoch)):
            yield batch, ramped(self.training.scheduled_sampling, epoch + step / steps)

    def costs(self, batch: tuple[Batch, float]) -> npt.NDArray[Any]:
        return batch[0].lengths

    def rows(self, batch: tuple[Batch, float], rows: slice) -> tuple[Batch, float]:
        return batch[0].rows(rows), batch[1]

    def loss(self, network: Captioner, batch: tuple[Batch, float], state: State | None) -> Loss:
        rows, scheduled_sampling = batch
        given = tensors(network, self.part, rows)
        smoothing = self.training.label_smoothing
        return network.loss(given._replace(smoothing=smoothing, scheduled_sampling=scheduled_sampling), state)

    def evaluate(self, network: Captioner) -> dict[str, float]:
        loss = nats_per_token(network, self.validation)
        return {"loss": loss, "perplexity": metrics.perplexity(loss)}

    def limit_evaluation(self, units: int) -> int:
        whole = self.data.parts["validation"]
        self.validation = looked_at(whole, units, self.evaluation_units)
        return self.validation.tokens

    def rank(self, found: dict[str, float]) -> list[float]:
        return ranked(METRICS, self.chosen_by, found)


def build_network(made: CaptionPreprocessor, settings: CaptionerSettings) -> Captioner:
    """A captioner, its weights drawn from torch's global random numbers, but those of a frozen encoder."""
    encoder = SmallConvolutions() if made.encoder == "small" else GivenVectors(made.width)
    trunk = encoders.network(made.encoder) if made.encoder in encoders.NAMES else None
    return Captioner(encoder, made.positions, len(made.vocabulary) + 1, settings, trunk)


def tensors(network: Captioner, part: CaptionPart, batch: Batch) -> CaptionBatch:
    """Pictures and captions where the network is, the lengths on the CPU."""
    device = network.bias.device
    pictures = torch.from_numpy(part.seen[batch.labels]).to(device)
    return CaptionBatch(pictures, torch.from_numpy(batch.tokens).to(device), torch.from_numpy(batch.lengths))


def nats_per_token(network: Captioner, part: CaptionPart) -> float:
    """Mean negative log-probability of the captions' tokens, ends among them. Units: nats"""
    return float(nats(network, part).sum()) / part.tokens


@torch.inference_mode()
def nats(network: Captioner, part: CaptionPart) -> npt.NDArray[np.float64]:
    """What the captions of groups of like length cost, a group after the other. Units: nats"""
    network.eval()

    def of_group(rows: npt.NDArray[np.int64]) -> float:
        encoded = [part.encoded[k] for k in rows]
        (batch,) = BucketedBatches(encoded, part.owners[rows], len(rows), shuffle=False).epoch(0)
        mean, count, _ = network.loss(tensors(network, part, batch))
        return float(mean) * count

    groups = by_length([len(row) for row in part.encoded], EVALUATION_TOKENS, rows=EVALUATION_ROWS)
    return np.array(spread(groups, of_group))
