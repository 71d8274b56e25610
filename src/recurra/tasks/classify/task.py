"""N to 1: classify."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch

from recurra import metrics
from recurra.data.files.examples import Examples
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.model_folder import ModelFolder
from recurra.report import record as report
from recurra.report.record import Baseline
from recurra.tasks.classify.baselines import classify_baselines
from recurra.tasks.classify.data import ClassifyData, Part, encode_part, group_names, prepare, read_examples
from recurra.tasks.classify.settings import ClassifySettings
from recurra.tasks.classify.trainee import Classifier, ClassifyTrainee, evaluate_part, log_probabilities
from recurra.tasks.sources.resolving import Source
from recurra.tasks.stored import ClassifyConfig, config_of
from recurra.tasks.task import Dataset, held_out_part
from recurra.tasks.weights import load_network
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.many_to_one import SequenceClassifier

EXAMPLES = 5
"""Quoted for each of the most confused pairs."""


class ClassifyTask:
    """The class of a text; see tasks.task.Task."""

    name: ClassVar[str] = "classify"

    def prepare(self, source: Source, settings: ClassifySettings, kept: ModelFolder | None = None) -> ClassifyDataset:
        training = settings.training
        known = (
            None if kept is None else (Vocabulary.from_json(kept.vocabulary), config_of(kept, ClassifyConfig).classes)
        )
        data = prepare(source, settings.data, seed=training.seed, kept=known)
        torch.manual_seed(training.seed)
        trainee = ClassifyTrainee(
            data,
            settings.network,
            batch_size=training.batch_size,
            bptt=training.bptt,
            seed=training.seed,
            balance=training.balance,
            batch_tokens=training.batch_tokens,
            crop=training.crop,
        )
        evaluated_on = held_out_part(data.parts)
        return ClassifyDataset(source, settings, trainee, data.facts, list(data.notes), evaluated_on, data)

    def load(self, folder: ModelFolder, settings: ClassifySettings) -> Classifier:
        vocabulary = Vocabulary.from_json(folder.vocabulary)
        classes = config_of(folder, ClassifyConfig).classes
        network = load_network(lambda: SequenceClassifier(len(vocabulary), len(classes), settings.network), folder)
        return Classifier(network, vocabulary, classes, settings.data.max_length)

    def evaluate(self, model: Classifier, source: Source, settings: ClassifySettings) -> tuple[int, dict[str, float]]:
        part = _whole(model, source, settings, None)
        return len(part), evaluate_part(model.network, part) | _cut(part)

    def compare(
        self,
        model: Classifier,
        source: Source,
        settings: ClassifySettings,
        *,
        trained: tuple[Source, ClassifySettings] | None,
        groups: str | None,
    ) -> tuple[int, dict[str, float], list[Baseline]]:
        """As `evaluate`, with the baselines, fitted again on what the model was trained on, unless that is None.

        groups: a column that says which texts belong together
        """
        part = _whole(model, source, settings, groups)
        baselines: list[Baseline] = []
        if trained is not None:
            known = (model.vocabulary, model.classes)
            data = prepare(trained[0], trained[1].data, seed=trained[1].training.seed, kept=known)
            baselines = classify_baselines(data, part)
        return len(part), evaluate_part(model.network, part) | _cut(part), baselines


def _whole(model: Classifier, source: Source, settings: ClassifySettings, groups: str | None) -> Part:
    """All of a source as one part."""
    found = read_examples(source, settings.data)
    if not isinstance(found, Examples):
        found = Examples([item for part in found.values() for item in part.items])
    part = encode_part(found, model.vocabulary, model.classes, settings.data.max_length)
    return part if groups is None else replace(part, groups=group_names(source, settings.data, found, groups))


def _cut(part: Part) -> dict[str, float]:
    """How many texts were too long, if any were."""
    return {"cut_texts": float(part.cut)} if part.cut else {}


@dataclass
class ClassifyDataset(Dataset):
    """A classifier with its data, ready to train."""

    data: ClassifyData

    def vocabulary_json(self) -> dict[str, Any]:
        return self.data.vocabulary.to_json()

    def config(self) -> dict[str, Any]:
        return {"classes": self.data.classes}

    def baselines(self) -> list[Baseline]:
        return classify_baselines(self.data, self.data.parts[self.evaluated_on])

    def evaluate(self) -> dict[str, float]:
        return evaluate_part(self.trainee.network.eval(), self.data.parts[self.evaluated_on])

    def word_table(self) -> WordTable:
        assert isinstance(self.trainee.network, SequenceClassifier)
        encoded = self.data.parts["train"].encoded
        return WordTable(self.data.vocabulary.tokens, self.trainee.network.table.weight, encoded)

    def details(self) -> dict[str, Any]:
        """Confusion matrix, scores of each class, the most confused pairs with examples."""
        data = self.data
        part = data.parts[self.evaluated_on]
        predicted = log_probabilities(self.trainee.network, part.encoded).argmax(-1).numpy()
        matrix = metrics.confusion_matrix(part.labels, predicted, data.classes)
        pairs = []
        for pair in metrics.most_confused(matrix, data.classes, top=10):
            true, wrong = data.classes.index(pair.true), data.classes.index(pair.predicted)
            rows = np.flatnonzero((part.labels == true) & (predicted == wrong))[:EXAMPLES]
            examples = [part.texts[i][:200] for i in rows]
            pairs.append(report.ConfusedPair(pair.true, pair.predicted, pair.count, examples))
        rows_of = metrics.per_class(part.labels, predicted, data.classes)
        return {
            "classes": data.classes,
            "confusion": matrix.tolist(),
            "per_class": [report.ClassScore(**asdict(row)) for row in rows_of],
            "confused": pairs,
        }


TASK = ClassifyTask()
