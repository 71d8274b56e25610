"""N to N: the tag of each token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from recurra.data.batching.batches import BucketedBatches
from recurra.data.batching.buckets import by_length
from recurra.data.tagged import spans
from recurra.engines.request import State
from recurra.report.metric import ranked
from recurra.tasks.cutting import looked_at
from recurra.tasks.tag.data import TagData, TagPart
from recurra.tasks.tag.metrics import METRICS
from recurra.tasks.tag.preprocessor import TagPreprocessor
from recurra.topologies.ensembles import TaggerEnsemble, drawn_one_by_one
from recurra.topologies.sampling import numbers
from recurra.topologies.sequence_model import Loss
from recurra.topologies.settings import TaggerSettings
from recurra.topologies.tagger import UNKNOWN_TAG, Forms, Tagger, TaggerBatch, TagScorer
from recurra.training.processes.spread import spread

EVALUATION_TOKENS = 1 << 13
"""Padded tokens of a batch that is evaluated: many short sentences, few long ones, the same memory."""
Ids = npt.NDArray[np.int64]


def collate(part: TagPart, rows: Sequence[int] | Ids) -> TaggerBatch:
    """The sentences with these indices in the part."""
    chosen = np.asarray(rows, np.int64)
    (tokens, lengths), (labels, _) = part.encoded.padded(chosen), part.labels.padded(chosen)
    inside = np.arange(lengths.max()) < lengths[:, None]
    forms, tokens[inside] = np.unique(tokens[inside], return_inverse=True)
    labels[~inside] = UNKNOWN_TAG
    letters, sizes = (torch.from_numpy(found) for found in part.letters.padded(forms))
    reads = letters.shape[1] > 0  # characters beside words
    pairs = None if part.pairs is None else torch.from_numpy(part.pairs[forms])
    words = torch.from_numpy(part.words[forms])
    there = Forms(torch.from_numpy(tokens), words, letters if reads else None, sizes if reads else None, pairs)
    return TaggerBatch(there, torch.from_numpy(lengths), torch.from_numpy(labels))


class TagTrainee:
    """A tagger to be trained; see training.trainee.Trainee."""

    unit = "tokens"

    def __init__(self, network: nn.Module, data: TagData, *, batch_size: int, seed: int) -> None:
        self.data = data
        self.network = network
        train = data.parts["train"]
        self.validation = data.parts["validation"]
        self.evaluation_units = self.validation.tokens
        self._batches = BucketedBatches(train.encoded, np.zeros(len(train), np.int64), batch_size, seed=seed)

    def steps(self, epoch: int) -> int:
        return len(self._batches)

    def batches(self, epoch: int) -> Iterator[TaggerBatch]:
        return (collate(self.data.parts["train"], rows) for rows in self._batches.plan(epoch))

    def costs(self, batch: TaggerBatch) -> npt.NDArray[Any]:
        return batch.lengths.numpy()

    def rows(self, batch: TaggerBatch, rows: slice) -> TaggerBatch:
        return some_rows(batch, rows)

    def loss(self, network: TagScorer, batch: TaggerBatch, state: State | None) -> Loss:
        return network.loss(on_device(batch, next(network.parameters()).device), state)

    def evaluate(self, network: TagScorer) -> dict[str, float]:
        found = evaluate_part(network, self.validation, self.data.tags, self.data.scheme)
        return {name: found[name] for name in ("loss", "span_f1", "accuracy") if name in found}

    def limit_evaluation(self, units: int) -> int:
        whole = self.data.parts["validation"]
        self.validation = looked_at(whole, units, self.evaluation_units)
        return self.validation.tokens

    def rank(self, found: dict[str, float]) -> list[float]:
        return ranked(METRICS, self.chosen_by, found)

    @property
    def chosen_by(self) -> tuple[str, ...]:
        """Whole spans, where tags write any."""
        return ("span_f1" if self.data.scheme else "accuracy", "loss")


def some_rows(batch: TaggerBatch, rows: slice) -> TaggerBatch:
    """Some of a batch, padded to the longest one, with the forms that occur in them."""
    lengths, forms = batch.lengths[rows], batch.forms
    longest = int(lengths.max())
    inside = torch.arange(longest) < lengths.unsqueeze(1)
    kept, positions = torch.unique(forms.tokens[rows, :longest][inside], return_inverse=True)
    tokens = torch.zeros(inside.shape, dtype=torch.int64)
    tokens[inside] = positions
    letters, sizes = forms.letters, forms.letter_lengths
    if letters is not None and sizes is not None:
        sizes = sizes[kept]
        letters = letters[kept, : int(sizes.max())]
    pairs = None if forms.pairs is None else forms.pairs[kept]
    there = Forms(tokens, forms.words[kept], letters, sizes, pairs)
    return TaggerBatch(there, lengths, batch.tags[rows, :longest])


def on_device(batch: TaggerBatch, device: torch.device) -> TaggerBatch:
    """The same where the network is; lengths stay on the CPU."""
    forms = batch.forms
    letters, pairs = (None if ids is None else ids.to(device) for ids in (forms.letters, forms.pairs))
    there = Forms(forms.tokens.to(device), forms.words.to(device), letters, forms.letter_lengths, pairs)
    return TaggerBatch(there, batch.lengths, batch.tags.to(device))


@torch.inference_mode()
def tag_part(network: TagScorer, part: TagPart) -> tuple[list[Ids], float]:
    """The best valid tags of every sentence, int64 [T] in the order of the part, and the loss in nats per token."""

    def of_group(rows: Ids) -> tuple[float, int, list[Ids]]:
        batch = on_device(collate(part, rows), next(network.parameters()).device)
        logits, _ = network(batch.forms, batch.lengths)
        best = network.transitions.best(logits.float(), batch.lengths)
        mean, tokens, _ = network.loss_of(logits, batch.tags, batch.lengths)
        ids = [row[:length] for row, length in zip(best.cpu().numpy(), batch.lengths.tolist(), strict=True)]
        return tokens * float(mean), tokens, ids

    found: dict[int, Ids] = {}
    loss, count = 0.0, 0
    groups = list(by_length(part.encoded.lengths, EVALUATION_TOKENS))
    for rows, (nats, tokens, best) in zip(groups, spread(groups, of_group), strict=True):
        loss += nats
        count += tokens
        found |= dict(zip(rows.tolist(), best, strict=True))
    return [found[row] for row in range(len(part))], loss / max(count, 1)


@torch.no_grad()
def probabilities(network: TagScorer, part: TagPart) -> list[tuple[Ids, npt.NDArray[np.float32]]]:
    """For every sentence its best tags int64 [T] and the probability of every tag at every token [T, C]."""
    rules, device = network.transitions, next(network.parameters()).device
    found: dict[int, tuple[Ids, npt.NDArray[np.float32]]] = {}
    for rows in by_length(part.encoded.lengths, EVALUATION_TOKENS):
        batch = on_device(collate(part, rows), device)
        logits = numbers(network(batch.forms, batch.lengths)[0].float())
        best, chances = rules.best(logits, batch.lengths), rules.probabilities(logits, batch.lengths)
        whole = zip(rows.tolist(), best.cpu().numpy(), chances.cpu().numpy(), batch.lengths.tolist(), strict=True)
        found |= {row: (ids[:length], values[:length]) for row, ids, values, length in whole}
    return [found[row] for row in range(len(part))]


def build_network(preprocessor: TagPreprocessor, settings: TaggerSettings) -> Tagger:
    """A tagger of these words and tags, its weights drawn from torch's global random numbers.

    Errors: DataError unless there are characters and pairs just where the settings have a size for them
    """
    lexicon, tags = preprocessor.lexicon, preprocessor.tags
    lexicon.check(characters=bool(settings.char_size), pairs=bool(settings.pair_size))
    characters, pairs = (0 if known is None else len(known) for known in (lexicon.characters, lexicon.pairs))
    return Tagger(
        len(lexicon.words),
        characters,
        pairs,
        len(tags),
        settings,
        allowed(tags, preprocessor.scheme),
        features=preprocessor.skip_features,
    )


def build_ensemble(preprocessor: TagPreprocessor, settings: TaggerSettings, count: int) -> TaggerEnsemble:
    """Several such taggers as one, each drawn as one alone is from a seed one higher. Errors: as `build_network`"""
    alone = replace(preprocessor, skip_features=0)
    return TaggerEnsemble(
        drawn_one_by_one(lambda: build_network(alone, settings), count),
        len(preprocessor.tags),
        allowed(preprocessor.tags, preprocessor.scheme),
        features=preprocessor.skip_features,
    )


def allowed(tags: Sequence[str], scheme: str | None) -> tuple[Tensor, Tensor, Tensor] | None:
    """What may follow what, begin and end in a scheme, as `Transitions` takes it; None without one.

    Shapes: bool [C, C], [C], [C]
    """
    if scheme is None:
        return None
    rules = spans.scheme(scheme)
    return (
        torch.tensor([[rules.follows(a, b) for b in tags] for a in tags]),
        torch.tensor([rules.follows(spans.OUTSIDE, tag) for tag in tags]),
        torch.tensor([rules.follows(tag, spans.OUTSIDE) for tag in tags]),
    )


def evaluate_part(network: TagScorer, part: TagPart, tags: Sequence[str], scheme: str | None) -> dict[str, float]:
    """Loss in nats per token and the scores of one part."""
    predicted, loss = tag_part(network, part)
    return {"loss": loss} | scores(part, [[tags[i] for i in ids] for ids in predicted], scheme)


def scores(part: TagPart, predicted: Sequence[Sequence[str]], scheme: str | None) -> dict[str, float]:
    """The share of tokens with the right tag; where tags write spans, before it those of whole spans."""
    true = [sentence.tags for sentence in part.sentences]
    right = sum(a == b for tags, guess in zip(true, predicted, strict=True) for a, b in zip(tags, guess, strict=True))
    found = {"accuracy": right / part.tokens}
    if scheme is None:
        return found
    whole = spans.score(true, predicted)
    return {"span_f1": whole.f1, "span_precision": whole.precision, "span_recall": whole.recall} | found
