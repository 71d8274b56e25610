"""Both directions: what stands in the blank of a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra import metrics
from recurra.data.batching.batches import Batch, BucketedBatches
from recurra.data.batching.buckets import by_length
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UsageError
from recurra.report.metric import ranked
from recurra.tasks.fill.data import BLANK, FillData, FillPart, Ids, blanks_of
from recurra.tasks.fill.metrics import METRICS
from recurra.tasks.model import TextModel, refuse_options
from recurra.tasks.word_vectors.table import WordVectors
from recurra.topologies.fill import SIDES, BlankFiller, Candidates, Side
from recurra.topologies.fill_search import fill_blank

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
        self.evaluation_units = sum(
            len(data.parts["validation"].encoded[r]) for r in set(data.parts["validation"].rows.tolist())
        )
        self._batches = BucketedBatches(encoded, np.zeros(len(encoded), np.int64), batch_size, seed=seed)

    def steps(self, epoch: int) -> int:
        return len(self._batches)

    def batches(self, epoch: int) -> Iterator[Batch]:
        return self._batches.epoch(epoch)

    def loss(self, network: nn.Module, batch: Batch, state: Any) -> tuple[Tensor, int, None]:
        """That of the head which sees both sides; the gradient is that of the three heads' sum."""
        filler = inner(network)
        device = filler.bias.device
        tokens, lengths = torch.from_numpy(batch.tokens).to(device), torch.from_numpy(batch.lengths)
        f, b = read(filler, tokens, lengths, unknown=UNKNOWN_SHARE)
        rows, indices = known_tokens(tokens, lengths)
        if not len(rows):  # a batch of nothing but unknown words
            return f.sum() * 0, 1, None
        targets = tokens[rows, indices]
        room = lengths.to(device)[rows] - indices
        sizes = torch.minimum(torch.randint(1, filler.longest + 1, (len(rows),)).to(device), room)
        before = f[rows, indices]
        behind, adjacent = b[rows, room - sizes], b[rows, room - 1]
        sampled = None if self.samples is None else Candidates(targets, self.shares.to(device), self.samples)
        one = torch.ones_like(sizes)
        both = filler.loss(filler.output("both", before, behind, sizes), targets, "both", sampled)
        others = filler.loss(filler.output("forward", before, adjacent, one), targets, "forward", sampled)
        others = others + filler.loss(filler.output("backward", before, adjacent, one), targets, "backward", sampled)
        if filler.longest > 1:
            others = others + functional.cross_entropy(filler.length_logits(before, behind).float(), sizes - 1)
        return both + others - others.detach(), len(rows), None

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        found = named(compare(network, self.data.parts["validation"]))
        return {name: value for name, value in found.items() if name != "perplexity"}  # which says the same as the loss

    def rank(self, found: dict[str, float]) -> list[float]:
        return ranked(METRICS, self.chosen_by, found)


def inner(network: nn.Module) -> BlankFiller:
    """The network itself, without what training wraps around it."""
    found = network.module if hasattr(network, "module") else network
    assert isinstance(found, BlankFiller)
    return found


def read(network: BlankFiller, tokens: Tensor, lengths: Tensor, *, unknown: float = 0.0) -> tuple[Tensor, Tensor]:
    """What each direction knows of a batch after so many tokens of each row, from its first or from its last.

    unknown: this share of the tokens is read as unknown.
    Shapes: tokens int64 [B, T], lengths int64 [B] -> [B, T, H] each
    """
    if unknown:
        tokens = tokens.masked_fill(torch.rand(tokens.shape).to(tokens.device) < unknown, Vocabulary.UNKNOWN)
    edge = tokens.new_full((len(tokens), 1), network.boundary)
    ends = lengths.to(tokens.device).unsqueeze(1)
    from_last = (ends - torch.arange(1, tokens.shape[1], device=tokens.device)).clamp(min=0)
    left = torch.cat([edge, tokens[:, :-1]], 1)
    right = torch.cat([edge, tokens.gather(1, from_last)], 1)
    return network.read(left, right, lengths)


def known_tokens(tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Every known token of a batch: its row and its index. Shapes: [B, T], [B] -> int64 [N], int64 [N]"""
    there = torch.arange(tokens.shape[1], device=tokens.device) < lengths.to(tokens.device).unsqueeze(1)
    rows, indices = (there & (tokens != Vocabulary.UNKNOWN)).nonzero(as_tuple=True)
    return rows, indices


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
def compare(network: nn.Module, part: FillPart) -> dict[Side, Scores]:
    """How each head fills the blanks of a part, one token each."""
    filler = inner(network).eval()
    device = filler.bias.device
    nats: dict[Side, list[Tensor]] = {side: [] for side in SIDES}
    ranks: dict[Side, list[Tensor]] = {side: [] for side in SIDES}
    for blanks in by_length([len(part.encoded[row]) for row in part.rows], TOKENS_AT_ONCE, rows=AT_ONCE):
        rows, where = np.unique(part.rows[blanks], return_inverse=True)
        encoded = [part.encoded[r] for r in rows]
        (batch,) = BucketedBatches(encoded, np.zeros(len(rows), np.int64), len(rows), shuffle=False).epoch(0)
        tokens, lengths = torch.from_numpy(batch.tokens).to(device), torch.from_numpy(batch.lengths)
        f, b = read(filler, tokens, lengths)
        row, place = torch.from_numpy(where.ravel()).to(device), torch.from_numpy(part.indices[blanks]).to(device)
        before, behind = f[row, place], b[row, lengths.to(device)[row] - place - 1]
        targets = tokens[row, place].unsqueeze(1)
        for side in SIDES:
            logits = filler.logits(filler.output(side, before, behind, torch.ones_like(place)), side)
            own = logits.gather(1, targets)
            nats[side].append((logits.logsumexp(1) - own.squeeze(1)).cpu())
            ranks[side].append((logits > own).sum(1).cpu())
    return {side: Scores.of(torch.cat(nats[side]).numpy(), torch.cat(ranks[side]).numpy()) for side in SIDES}


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
        pieces = [self._pieces(text, number) for number, text in enumerate(texts, start=1)]
        return [
            Filled(text.strip(), [self._candidates(parts, i, top) for i in range(len(parts) - 1)])
            for text, parts in zip(texts, pieces, strict=True)
        ]

    def _pieces(self, text: str, number: int) -> list[list[int]]:
        pieces = [[int(i) for i in self.vocabulary.encode(piece)] for piece in blanks_of(text, number)]
        if not any(pieces):
            raise UsageError(f"nothing is left beside the blank of text {number} after normalisation: {text!r}")
        return pieces

    def _candidates(self, pieces: list[list[int]], blank: int, top: int) -> list[tuple[str, float]]:
        def read_as(some: list[list[int]]) -> list[int]:
            joined = list(some[0])
            for piece in some[1:]:
                joined += [Vocabulary.UNKNOWN, *piece]
            return joined

        found = fill_blank(self.network, read_as(pieces[: blank + 1]), read_as(pieces[blank + 1 :]), top)
        return [(self.vocabulary.decode(ids), chance) for ids, chance in found]

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
        pieces = [piece for text in texts for piece in BLANK.split(text)]
        return list(dict.fromkeys(token for piece in pieces for token in self.vocabulary.unknown(piece)))


def _around(text: str, blank: int) -> str:
    """The text, or, of a long one, the part around its blank of this number, from 0."""
    if len(text) <= SHOWN:
        return text
    match = list(BLANK.finditer(text))[blank]
    start = min(max(0, match.start() - SHOWN // 2), len(text) - SHOWN + 1)
    shown = text[start : start + SHOWN - 2]
    return ("…" if start else "") + shown + ("…" if start + SHOWN - 2 < len(text) else "")
