"""N to 1: the class of a text."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra import metrics
from recurra.data.batching.batches import Batch, BucketedBatches, padded
from recurra.data.batching.buckets import by_length
from recurra.data.batching.crops import Crops, ends_clause
from recurra.data.ragged import lengths_of
from recurra.data.tokens.orders import ORDERS, SPELLING
from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.report.metric import ranked
from recurra.tasks.calibration import calibrated_loss
from recurra.tasks.classify.data import ClassifyData, Part
from recurra.tasks.classify.linear import letters_of
from recurra.tasks.classify.metrics import METRICS
from recurra.tasks.classify.preprocessor import ClassifyPreprocessor
from recurra.tasks.cutting import some
from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.model import TextModel, refuse_options
from recurra.tasks.word_vectors.table import WordVectors
from recurra.topologies.ensembles import ClassifierEnsemble, Ensemble, drawn_one_by_one
from recurra.topologies.many_to_one import SPELT, ClassifierBatch, SequenceClassifier, Spelt
from recurra.topologies.sampling import numbers
from recurra.topologies.sequence_model import Loss, SequenceModel
from recurra.topologies.settings import ClassifierSettings
from recurra.training.processes.spread import spread

if TYPE_CHECKING:
    from recurra.tasks.differentiable import Differentiable

EVALUATION_TOKENS = 1 << 14
"""Padded tokens of a batch that is evaluated: many short texts, few long ones, the same memory."""

LEAST_EVALUATED = 1000
"""Texts that say something of a model."""
FEW_TOKENS = 1000
"""Of a larger vocabulary most tokens are rare and keep what they start from: short vectors, which say little."""


@dataclass(frozen=True)
class Prediction:
    """A text and its most probable classes, best first."""

    text: str
    classes: list[tuple[str, float]]

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.classes[0][0]


@dataclass(frozen=True)
class SpeltBatch(Batch):
    """letters: of each row, see tasks.classify.linear.letters_of"""

    letters: list[npt.NDArray[np.int64]]

    def rows(self, rows: slice) -> SpeltBatch:
        return SpeltBatch(**vars(super().rows(rows)), letters=self.letters[rows])


class ClassifyTrainee:
    """A classifier to be trained; see training.trainee.Trainee."""

    unit = "examples"
    chosen_by = ("calibrated_loss",)

    def __init__(
        self,
        network: nn.Module,
        data: ClassifyData,
        *,
        batch_size: int,
        bptt: int | None,
        seed: int,
        balance: float = 0.0,
        batch_tokens: int | None = None,
        crop: float = 0.0,
        smoothing: float = 0.0,
    ) -> None:
        self.data, self.bptt, self.smoothing = data, bptt, smoothing
        self.shift = balance * log_frequencies(data) if balance else None
        self.network = network
        train = data.parts["train"]
        self.evaluation_units = len(data.parts["validation"])
        self.validation = data.parts["validation"]
        self._batched = functools.partial(
            BucketedBatches, labels=train.labels, batch_size=batch_size, seed=seed, max_tokens=batch_tokens
        )
        self._whole = self._batched(train.encoded)
        ends = ends_clause(data.vocabulary.tokens) if crop else None
        self._crops = None if ends is None else Crops(train.encoded, ends, crop, seed=seed)
        self._cropped: tuple[int, BucketedBatches] | None = None
        self._words = [data.vocabulary.cut(text) for text in train.texts] if data.characters and self._crops else []

    def steps(self, epoch: int) -> int:
        return self._of(epoch).steps(epoch)

    def batches(self, epoch: int) -> Iterator[Batch]:
        found = self._of(epoch).epoch(epoch)
        return self._spelt(epoch, found) if self.data.characters else found

    def _spelt(self, epoch: int, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches of an epoch with the characters of what they hold of each text."""
        train = self.data.parts["train"]
        spans = [slice(None)] * len(train) if self._crops is None else self._crops.spans(epoch)

        def letters(row: int) -> npt.NDArray[np.int64]:
            if spans[row] == slice(None):
                assert train.letters is not None
                return train.letters[row]
            return letters_of(self._words[row][spans[row]])

        for batch in batches:
            yield SpeltBatch(**vars(batch), letters=[letters(row) for row in batch.index.tolist()])

    def _of(self, epoch: int) -> BucketedBatches:
        """What an epoch is made of; crops are cut once for each."""
        if self._crops is None:
            return self._whole
        if self._cropped is None or self._cropped[0] != epoch:
            self._cropped = epoch, self._batched(self._crops.epoch(epoch))
        return self._cropped[1]

    def costs(self, batch: Batch) -> npt.NDArray[Any]:
        return batch.lengths

    def rows(self, batch: Batch, rows: slice) -> Batch:
        return batch.rows(rows)

    def loss(self, network: SequenceModel[Tensor, ClassifierBatch], batch: Batch, state: State | None) -> Loss:
        tokens, lengths, labels = tensors(network, batch)
        inputs = spelt_inputs(network, tokens, batch.letters) if isinstance(batch, SpeltBatch) else tokens
        shift = None if self.shift is None else self.shift.to(labels.device)
        return network.loss(ClassifierBatch(inputs, lengths, labels, self.bptt, shift, self.smoothing), state)

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        part = self.validation
        logs = log_probabilities(network, part.encoded, part.letters)
        return {"calibrated_loss": calibrated_loss(logs.numpy(), part.labels)} | scores_of(part, logs)

    def limit_evaluation(self, units: int) -> int:
        self.validation = some(self.data.parts["validation"], max(units, LEAST_EVALUATED))
        return len(self.validation)

    def rank(self, found: dict[str, float]) -> list[float]:
        return ranked(METRICS, self.chosen_by, found)


def build_network(preprocessor: ClassifyPreprocessor, settings: ClassifierSettings) -> SequenceClassifier:
    """A classifier of these tokens and classes, its weights drawn from torch's global random numbers."""
    vocabulary, characters = preprocessor.vocabulary, preprocessor.characters
    scale = 1.0 if len(vocabulary) <= FEW_TOKENS else settings.embedding_size**-0.5
    return SequenceClassifier(
        len(vocabulary),
        len(preprocessor.classes),
        settings,
        table_scale=scale,
        features=preprocessor.skip_features,
        orders=ORDERS[vocabulary.level],
        spelling=SPELLING if preprocessor.skip_spelling else (),
        characters=torch.tensor([ord(each) + SPELT for each in characters]) if characters else None,
    )


def build_ensemble(preprocessor: ClassifyPreprocessor, settings: ClassifierSettings, count: int) -> ClassifierEnsemble:
    """Several such classifiers as one, each drawn as one alone is from a seed one higher."""
    alone = replace(preprocessor, skip_features=0, skip_spelling=False)
    return ClassifierEnsemble(
        drawn_one_by_one(lambda: build_network(alone, settings), count),
        len(preprocessor.classes),
        features=preprocessor.skip_features,
        orders=ORDERS[preprocessor.vocabulary.level],
        spelling=SPELLING if preprocessor.skip_spelling else (),
    )


def log_frequencies(data: ClassifyData) -> Tensor:
    """Log of each class's share of the training part [C].

    Added to the logits in training alone, it leaves to the network what does not follow from how frequent a class is.
    Source: Menon et al. 2021, Long-tail learning via logit adjustment
    """
    counts = torch.from_numpy(np.bincount(data.parts["train"].labels, minlength=len(data.classes))).clamp(min=1)
    return (counts / counts.sum()).log().float()


def tensors(network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """A batch's tokens [B, T] and labels [B] where the network is, its lengths [B] on the CPU."""
    device = next(network.parameters()).device
    tokens, labels = (torch.from_numpy(a).to(device) for a in (batch.tokens, batch.labels))
    return tokens, torch.from_numpy(batch.lengths), labels


def spelt_inputs(network: nn.Module, tokens: Tensor, letters: Sequence[npt.NDArray[np.int64]]) -> Spelt:
    """A batch's tokens with the characters of its texts. Shapes: tokens int64 [B, T], B arrays int64 [L]"""
    return Spelt(tokens, *_padded(network, letters))


@torch.inference_mode()
def log_probabilities(
    network: nn.Module,
    encoded: Sequence[npt.NDArray[np.int64]],
    letters: Sequence[npt.NDArray[np.int64]] | None = None,
) -> Tensor:
    """Of every class for every text, in nats.

    letters: of each text, where the network's linear skip reads them
    Shapes: N arrays of ids -> [N, C], on the CPU, in the order given
    """

    def of_group(indices: npt.NDArray[np.int64]) -> Tensor:
        tokens, lengths = _padded(network, [encoded[place] for place in indices.tolist()])
        inputs: Tensor | Spelt = tokens
        if letters is not None:
            inputs = spelt_inputs(network, tokens, [letters[place] for place in indices.tolist()])
        return network(inputs, lengths)[0].float().log_softmax(-1).cpu()  # type: ignore[no-any-return]

    groups = list(by_length(lengths_of(encoded), EVALUATION_TOKENS))
    found = spread(groups, of_group)
    result = torch.empty(len(encoded), found[0].shape[1])
    for indices, logs in zip(groups, found, strict=True):
        result[torch.from_numpy(indices)] = logs
    return result


def _padded(network: nn.Module, rows: Sequence[npt.NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    """Rows of ids as one tensor [B, T] where the network is, their lengths [B] on the CPU."""
    tokens, lengths = padded(rows)
    return torch.from_numpy(tokens).to(next(network.parameters()).device), torch.from_numpy(lengths)


def evaluate_part(network: nn.Module, part: Part) -> dict[str, float]:
    """Loss in nats per example and the scores of one part."""
    return scores_of(part, log_probabilities(network, part.encoded, part.letters))


def scores_of(part: Part, logs: Tensor) -> dict[str, float]:
    """As `evaluate_part`, of log-probabilities [N, C]."""
    loss = float(functional.nll_loss(logs, torch.from_numpy(part.labels)))
    return {"loss": loss} | scores(part, logs.argmax(-1).numpy())


def scores(part: Part, predicted: npt.NDArray[np.int64]) -> dict[str, float]:
    """Accuracy, macro-F1 and balanced accuracy; where texts are grouped, the share of groups all right."""
    true = part.labels
    grouped = {} if part.groups is None else {"groups_right": metrics.groups_right(true, predicted, part.groups)}
    return {
        "accuracy": metrics.accuracy(true, predicted),
        "macro_f1": metrics.macro_f1(true, predicted),
        "balanced_accuracy": metrics.balanced_accuracy(true, predicted),
    } | grouped


class Classifier(TextModel):
    """A trained classifier."""

    does = "it is a classifier; it predicts classes"

    def __init__(self, network: nn.Module, preprocessor: ClassifyPreprocessor, max_length: int | None = None) -> None:
        self.network, self.vocabulary, self.classes = network.eval(), preprocessor.vocabulary, preprocessor.classes
        self.spells, self.max_length = preprocessor.spells, max_length

    def word_vectors(self) -> WordVectors:
        if isinstance(self.network, Ensemble):
            raise self.cannot("have one vector for each token, being several networks")
        return WordVectors.of(self.vocabulary, self.network.get_parameter("table.weight"))

    def predict(self, texts: str | Sequence[str], *, top: int = 1, **options: Any) -> list[Prediction]:
        """The `top` most probable classes of each text.

        Errors: UsageError for an empty text, or a text of which normalisation leaves nothing
        """
        refuse_options(self, options)
        texts = [texts] if isinstance(texts, str) else list(texts)
        if top < 1:
            raise UsageError(f"top must be a whole number from 1, got {top}")
        if not texts:
            return []
        best = self._log_probabilities(texts).exp().topk(min(top, len(self.classes)))
        name = self.classes.__getitem__
        columns = zip(best.indices.T.tolist(), best.values.T.tolist(), strict=True)
        ranks = [zip(map(name, indices), values, strict=True) for indices, values in columns]
        return [Prediction(text, list(found)) for text, found in zip(texts, zip(*ranks, strict=True), strict=True)]

    def predict_proba(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if not texts:
            return np.zeros((0, len(self.classes)), np.float32)
        return self._log_probabilities(texts).exp().numpy()

    def forward_pass(self, given: Any, /, **options: Any) -> ForwardPass:
        """See tasks.classify.forward_pass."""
        from recurra.tasks.classify.forward_pass import forward_pass

        return forward_pass(self, given, **options)

    def differentiable(self, given: Any, /, **options: Any) -> Differentiable:
        """See tasks.classify.attribution."""
        from recurra.tasks.classify.attribution import attribution

        return attribution(self, given, **options)

    def rows(self, predictions: Sequence[Prediction]) -> list[list[str]]:
        found = []
        for one in predictions:
            row = [one.text]
            for label, chance in one.classes:
                row += (label, f"{chance:.3f}")
            found.append(row)
        return found

    def document(self, predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
        return [
            {"text": p.text, "classes": [{"label": c, "probability": v} for c, v in p.classes]} for p in predictions
        ]

    def truncated(self, texts: Sequence[str]) -> int:
        if self.max_length is None:
            return 0
        return sum(len(self.vocabulary.encode(text.strip())) > self.max_length for text in texts)

    def unknown(self, texts: Sequence[str]) -> list[str]:
        return self.vocabulary.unknown_of(texts)

    def _log_probabilities(self, texts: Sequence[str]) -> Tensor:
        stripped = [text.strip() for text in texts]  # as the readers of the training data strip
        encoded = self.vocabulary.encode_all(stripped)
        if self.max_length is not None:
            encoded = [ids[: self.max_length] for ids in encoded]
        if not all(map(len, encoded)) or not all(stripped):
            self._refuse_empty(texts, encoded)
        letters = None
        if self.spells:
            letters = [letters_of(self.vocabulary.cut(text)[: self.max_length]) for text in stripped]
        return numbers(log_probabilities(self.network, encoded, letters))

    def _refuse_empty(self, texts: Sequence[str], encoded: Sequence[npt.NDArray[np.int64]]) -> None:
        for number, (text, ids) in enumerate(zip(texts, encoded, strict=True), start=1):
            if not text.strip() or not len(ids):
                after = f" after normalisation: {text!r}" if text.strip() else ""
                raise UsageError(f"text {number} is empty{after}")
