"""Both directions: what stands in the blank of a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from recurra import metrics
from recurra.data.batching.batches import Batch, BucketedBatches
from recurra.data.batching.buckets import by_length
from recurra.data.tokens.blanks import BLANK, between_blanks, encoded_pieces
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.report.metric import ranked
from recurra.tasks import cutting
from recurra.tasks.fill.data import FillData, FillPart, Ids
from recurra.tasks.fill.metrics import METRICS
from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.model import TextModel, refuse_options
from recurra.tasks.word_vectors.table import WordVectors
from recurra.topologies.fill import SIDES, BlankBatch, BlankFiller, Side
from recurra.topologies.fill_search import fill_blank
from recurra.topologies.sequence_model import Loss
from recurra.training.processes.spread import spread

UNKNOWN_SHARE = 0.02
"""Of the tokens read in training, so many are read as unknown: a model must know what that is like."""
AT_ONCE = 512
"""Blanks that are evaluated together, at most, for each has logits for the whole vocabulary."""
TOKENS_AT_ONCE = 1 << 15
"""Tokens of their sentences, each counted for every blank of it."""
SHOWN = 60
"""Characters of a text on a terminal."""


class FillTrainee:
    """A model of blanks to be trained; see training.trainee.Trainee."""

    unit = "tokens"
    chosen_by = ("loss",)

    def __init__(self, network: nn.Module, data: FillData, *, batch_size: int, seed: int, samples: int | None) -> None:
        self.data, self.samples = data, samples
        size = len(data.vocabulary)
        self.network = network
        encoded = data.parts["train"].encoded
        counts = np.bincount(np.concatenate(encoded), minlength=size).astype(np.float64)
        self.shares = torch.from_numpy(counts / counts.sum())
        self.validation = data.parts["validation"]
        self.evaluation_units = self.validation.tokens
        self._batches = BucketedBatches(encoded, np.zeros(len(encoded), np.int64), batch_size, seed=seed)

    def steps(self, epoch: int) -> int:
        return len(self._batches)

    def batches(self, epoch: int) -> Iterator[Batch]:
        return self._batches.epoch(epoch)

    def costs(self, batch: Batch) -> npt.NDArray[Any]:
        return batch.lengths

    def rows(self, batch: Batch, rows: slice) -> Batch:
        return batch.rows(rows)

    def weight(self, batch: Batch) -> int:
        """Its known tokens."""
        inside = np.arange(batch.tokens.shape[1]) < batch.lengths[:, None]
        return int((inside & (batch.tokens != Vocabulary.UNKNOWN)).sum())

    def loss(self, network: BlankFiller, batch: Batch, state: State | None) -> Loss:
        tokens, lengths = tensors(network, batch)
        shares = None if self.samples is None else self.shares.to(tokens.device)
        return network.loss(BlankBatch(tokens, lengths, UNKNOWN_SHARE, shares, self.samples), state)

    def evaluate(self, network: BlankFiller) -> dict[str, float]:
        found = named(compare(network, self.validation))
        return {name: value for name, value in found.items() if name != "perplexity"}  # which says the same as the loss

    def limit_evaluation(self, units: int) -> int:
        whole = self.data.parts["validation"]
        sentences = np.unique(whole.rows)
        share = math.ceil(len(sentences) * units / self.evaluation_units)
        kept = sentences[cutting.drawn(len(sentences), max(cutting.LEAST_LOOKED_AT, share))]
        self.validation = whole.at(np.flatnonzero(np.isin(whole.rows, kept)))
        return self.validation.tokens

    def rank(self, found: dict[str, float]) -> list[float]:
        return ranked(METRICS, self.chosen_by, found)


def tensors(network: BlankFiller, batch: Batch) -> tuple[Tensor, Tensor]:
    """A batch's tokens [B, T] where the network is, its lengths [B] on the CPU."""
    device = next(network.parameters()).device
    return torch.from_numpy(batch.tokens).to(device), torch.from_numpy(batch.lengths)


@dataclass(frozen=True)
class Scores:
    """How well blanks were filled: fractions of them, and the loss in nats."""

    loss: float
    top1: float
    top5: float

    @property
    def perplexity(self) -> float:
        return metrics.perplexity(self.loss)

    @classmethod
    def of(cls, nats: Ids | Any, ranks: Ids | Any) -> Scores:
        """nats: of each blank's token [N]; ranks: tokens that were thought more probable [N]."""
        return cls(float(np.mean(nats)), float(np.mean(ranks < 1)), float(np.mean(ranks < 5)))


@torch.inference_mode()
def compare(network: BlankFiller, part: FillPart) -> dict[Side, Scores]:
    """How each head fills the blanks of a part, one token each."""
    network.eval()

    def of_group(blanks: Ids) -> dict[Side, tuple[Tensor, Tensor]]:
        rows, where = np.unique(part.rows[blanks], return_inverse=True)
        encoded = [part.encoded[r] for r in rows]
        (batch,) = BucketedBatches(encoded, np.zeros(len(rows), np.int64), len(rows), shuffle=False).epoch(0)
        tokens, lengths = tensors(network, batch)
        f, b = network.read_sentences(tokens, lengths)
        row, place = (torch.from_numpy(ids).to(tokens.device) for ids in (where.ravel(), part.indices[blanks]))
        before, behind = f[row, place], b[row, lengths.to(tokens.device)[row] - place - 1]
        targets = tokens[row, place].unsqueeze(1)
        found: dict[Side, tuple[Tensor, Tensor]] = {}
        for side in SIDES:
            logits = network.logits(network.output(side, before, behind, torch.ones_like(place)), side)
            own = logits.gather(1, targets)
            found[side] = (logits.logsumexp(1) - own.squeeze(1)).cpu(), (logits > own).sum(1).cpu()
        return found

    lengths_of_blanks = [len(part.encoded[row]) for row in part.rows]
    groups = spread(by_length(lengths_of_blanks, TOKENS_AT_ONCE, rows=AT_ONCE), of_group)
    whole = {
        side: [torch.cat(parts).numpy() for parts in zip(*(group[side] for group in groups), strict=True)]
        for side in SIDES
    }
    return {side: Scores.of(*whole[side]) for side in SIDES}


def named(found: dict[Side, Scores]) -> dict[str, float]:
    """The scores of all heads under their names."""
    both = found["both"]
    return {
        "loss": both.loss,
        "top1": both.top1,
        "top5": both.top5,
        "perplexity": both.perplexity,
        "forward_top1": found["forward"].top1,
        "backward_top1": found["backward"].top1,
    }


@dataclass(frozen=True)
class Filled:
    """A text and, for each of its blanks, what may stand there with its probability, best first."""

    text: str
    blanks: list[list[tuple[str, float]]]

    @property
    def best(self) -> str:
        """The text with the most probable content in each blank."""
        contents = iter(self.blanks)
        return BLANK.sub(lambda _: next(contents)[0][0], self.text)


class Filler(TextModel):
    """A trained model of blanks."""

    does = "it fills the blanks of a sentence"
    unit: ClassVar[str] = "blanks"
    alternatives: ClassVar[int | None] = 5

    def __init__(self, network: BlankFiller, vocabulary: Vocabulary) -> None:
        self.network: BlankFiller = network.eval()
        self.vocabulary = vocabulary

    def word_vectors(self) -> WordVectors:
        return WordVectors.of(self.vocabulary, self.network.table.weight)

    def commands(self, folder: str) -> list[str]:
        return [f'predict {folder} "a sentence with a ____ in it"', f"evaluate {folder}"]

    def predict(self, texts: str | Sequence[str], *, top: int = 1, **options: Any) -> list[Filled]:
        """What may stand in each blank (two or more underscores) of each text; other blanks are read as unknown.

        Errors: UsageError for a text without a blank, or with nothing else
        """
        refuse_options(self, options)
        texts = [texts] if isinstance(texts, str) else list(texts)
        if top < 1:
            raise UsageError(f"top must be a whole number from 1, got {top}")
        pieces = [encoded_pieces(text, self.vocabulary, number) for number, text in enumerate(texts, start=1)]
        return [
            Filled(text.strip(), [self._candidates(parts, i, top) for i in range(len(parts) - 1)])
            for text, parts in zip(texts, pieces, strict=True)
        ]

    def _candidates(self, pieces: list[list[int]], blank: int, top: int) -> list[tuple[str, float]]:
        def read_as(some: list[list[int]]) -> list[int]:
            joined = list(some[0])
            for piece in some[1:]:
                joined += [Vocabulary.UNKNOWN, *piece]
            return joined

        found = fill_blank(self.network, read_as(pieces[: blank + 1]), read_as(pieces[blank + 1 :]), top)
        return [(self.vocabulary.decode(ids), chance) for ids, chance in found]

    def forward_pass(self, given: Any, /, **options: Any) -> ForwardPass:
        """See tasks.fill.forward_pass."""
        from recurra.tasks.fill.forward_pass import forward_pass

        return forward_pass(self, given, **options)

    def rows(self, predictions: Sequence[Filled]) -> list[list[str]]:
        """A row for each blank; those of a text with several are numbered."""
        several = any(len(one.blanks) > 1 for one in predictions)
        rows = []
        for one in predictions:
            for i, candidates in enumerate(one.blanks):
                cells = [cell for text, chance in candidates for cell in (text, f"{chance:.3f}")]
                number = [f"blank {i + 1}"] if several else []
                rows.append([_around(one.text, i), *number, *cells])
        return rows

    def document(self, predictions: Sequence[Filled]) -> list[dict[str, Any]]:
        return [
            {
                "text": one.text,
                "best": one.best,
                "blanks": [[{"text": t, "probability": p} for t, p in candidates] for candidates in one.blanks],
            }
            for one in predictions
        ]

    def unknown(self, texts: Sequence[str]) -> list[str]:
        pieces = [piece for text in texts for piece in between_blanks(text)]
        return list(dict.fromkeys(token for piece in pieces for token in self.vocabulary.unknown(piece)))


def _around(text: str, blank: int) -> str:
    """The text, or, of a long one, the part around its blank of this number, from 0."""
    if len(text) <= SHOWN:
        return text
    match = list(BLANK.finditer(text))[blank]
    start = min(max(0, match.start() - SHOWN // 2), len(text) - SHOWN + 1)
    shown = text[start : start + SHOWN - 2]
    return ("…" if start else "") + shown + ("…" if start + SHOWN - 2 < len(text) else "")
