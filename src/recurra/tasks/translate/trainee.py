"""N to M: a sentence in another language."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy.typing as npt
import torch
from torch import nn

from recurra import metrics
from recurra.data.batching.pairs import PairBatch, PairBatches
from recurra.data.ragged import Ragged, lengths_of
from recurra.data.tokens.piece_dropout import PieceDropout
from recurra.data.tokens.subwords import Subwords
from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.report.metric import ranked
from recurra.tasks.cutting import looked_at
from recurra.tasks.decoding.glossary import all_glossed
from recurra.tasks.decoding.settings import ramped
from recurra.tasks.translate.data import TranslateData
from recurra.tasks.translate.encoding import Ids, PairPart, encode_side, read_rows
from recurra.tasks.translate.metrics import METRICS
from recurra.tasks.translate.preprocessor import TranslatePreprocessor, Words
from recurra.topologies.encoder_decoder import EncoderDecoder, EncoderDecoderBatch
from recurra.topologies.sequence_model import Loss
from recurra.topologies.settings import EncoderDecoderSettings
from recurra.training.processes.spread import spread

EVALUATION_PAIRS = 128
"""Pairs of mean length in a batch that is evaluated."""


class TranslateTrainee:
    """A translator to be trained; see training.trainee.Trainee.

    smoothing: of the labels in training; scheduled_sampling: probability, after a ramp, that the decoder reads
    its own word instead of the translation's; piece_dropout: share of the merges of sub-words that is left out
    Errors: UsageError for piece_dropout of tokens that are no sub-words
    """

    unit = "tokens"
    chosen_by = ("loss",)

    def __init__(
        self,
        network: nn.Module,
        data: TranslateData,
        *,
        batch_size: int,
        seed: int,
        smoothing: float = 0.0,
        scheduled_sampling: float = 0.0,
        piece_dropout: float = 0.0,
    ) -> None:
        self.data, self.smoothing, self.scheduled_sampling = data, smoothing, scheduled_sampling
        self.network = network
        train, held_out = data.parts["train"], data.parts["validation"]
        self.validation = held_out
        self.evaluation_units = int(lengths_of(held_out.encoded_targets).sum())
        self._batched = functools.partial(PairBatches, batch_size=batch_size, seed=seed)
        self._glosses = None if data.glossary is None else list(encode_side(data.glosses, data.target))
        self._whole = self._batched(self._read(train.encoded_sources), train.encoded_targets)
        self._validated: tuple[PairPart, Sequence[Ids] | None] | None = None
        self._cut = [_cut(words, piece_dropout, seed) for words in (data.source, data.target)] if piece_dropout else []
        self._of_epoch: tuple[int, PairBatches] | None = None

    def steps(self, epoch: int) -> int:
        return self._of(epoch).batches(epoch)

    def _of(self, epoch: int) -> PairBatches:
        """What an epoch is made of; pieces are cut once for each."""
        if not self._cut:
            return self._whole
        if self._of_epoch is None or self._of_epoch[0] != epoch:
            train = self.data.parts["train"]
            rows = zip(self._cut, (train.encoded_sources, train.encoded_targets), strict=True)
            sources, targets = (cut.epoch(side, epoch, i) for i, (cut, side) in enumerate(rows))
            self._of_epoch = epoch, self._batched(self._read(sources), targets)
        return self._of_epoch[1]

    def _read(self, sources: Sequence[Ids]) -> Sequence[Ids]:
        """Training sources as the network reads them."""
        if self._glosses is None:
            return sources
        sizes = self.data.preprocessor.sizes
        return Ragged.of(all_glossed(sources, self._glosses, sizes), sum(sizes) + 2)

    def batches(self, epoch: int) -> Iterator[tuple[PairBatch, float]]:
        steps = self.steps(epoch)
        for step, batch in enumerate(self._of(epoch).epoch(epoch)):
            yield batch, ramped(self.scheduled_sampling, epoch + step / steps)

    def costs(self, batch: tuple[PairBatch, float]) -> npt.NDArray[Any]:
        return batch[0].source_lengths + batch[0].target_lengths

    def rows(self, batch: tuple[PairBatch, float], rows: slice) -> tuple[PairBatch, float]:
        return batch[0].rows(rows), batch[1]

    def loss(self, network: EncoderDecoder, batch: tuple[PairBatch, float], state: State | None) -> Loss:
        pairs, scheduled_sampling = batch
        given = tensors(network, pairs)
        return network.loss(given._replace(smoothing=self.smoothing, scheduled_sampling=scheduled_sampling), state)

    def evaluate(self, network: EncoderDecoder) -> dict[str, float]:
        if self._validated is None or self._validated[0] is not self.validation:
            part = self.validation
            self._validated = part, read_rows(self.data.preprocessor, part.encoded_sources, part.sources)
        loss = nats_per_token(network, *self._validated)
        return {"loss": loss, "perplexity": metrics.perplexity(loss)}

    def limit_evaluation(self, units: int) -> int:
        whole = self.data.parts["validation"]
        self.validation = looked_at(whole, units, self.evaluation_units)
        return int(lengths_of(self.validation.encoded_targets).sum())

    def rank(self, found: dict[str, float]) -> list[float]:
        return ranked(METRICS, self.chosen_by, found)


def _cut(words: Words, share: float, seed: int) -> PieceDropout:
    if not isinstance(words, Subwords):
        raise UsageError(no_pieces(words.level))
    return PieceDropout(words, share, seed=seed)


def no_pieces(level: str) -> str:
    """Why piece_dropout does not fit these tokens."""
    return f"piece_dropout leaves out merges of sub-words, of which level {level} has none; use level bpe"


def build_network(preprocessor: TranslatePreprocessor, settings: EncoderDecoderSettings) -> EncoderDecoder:
    """A translator that reads and writes these tokens, its weights drawn from torch's global random numbers."""
    source, target = preprocessor.sizes
    return EncoderDecoder(source + 1, target + 1, settings, glossed=preprocessor.glossary is not None)


def tensors(network: EncoderDecoder, batch: PairBatch) -> EncoderDecoderBatch:
    """Source and target where the network is, their lengths on the CPU."""
    device = next(network.parameters()).device
    source, target = (torch.from_numpy(a).to(device) for a in (batch.source, batch.target))
    source_lengths, target_lengths = torch.from_numpy(batch.source_lengths), torch.from_numpy(batch.target_lengths)
    return EncoderDecoderBatch(source, source_lengths, target, target_lengths)


@torch.inference_mode()
def nats_per_token(network: EncoderDecoder, part: PairPart, read: Sequence[Ids] | None = None) -> float:
    """Mean negative log-probability of the translations' tokens, ends among them. Units: nats

    read: what the network reads, if not the sources alone
    """
    network.eval()

    def of_batch(batch: PairBatch) -> tuple[float, int]:
        mean, tokens, _ = network.loss(tensors(network, batch))
        return float(mean) * tokens, tokens

    total, count = 0.0, 0
    sources = part.encoded_sources if read is None else read
    batches = PairBatches(sources, part.encoded_targets, EVALUATION_PAIRS, shuffle=False)
    for nats, tokens in spread(batches.epoch(0), of_batch):
        total += nats
        count += tokens
    return total / count
