"""N to 1: classify."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from recurra.data.files.examples import Examples
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.model_folder import ModelFolder
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.classify.baselines import classify_baselines
from recurra.tasks.classify.calibration import fitted_temperature, nats
from recurra.tasks.classify.data import ClassifyData, Part, encode_part, group_names, prepare, read_examples
from recurra.tasks.classify.report import sections
from recurra.tasks.classify.settings import ClassifySettings
from recurra.tasks.classify.trainee import Classifier, ClassifyTrainee, evaluate_part, log_probabilities
from recurra.tasks.sources.resolving import Source
from recurra.tasks.stored import ClassifyConfig, config_of
from recurra.tasks.task import Dataset, held_out_part
from recurra.tasks.weights import load_network
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.many_to_one import SequenceClassifier


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
    temperature: float = 1.0
    """What the output layer was divided by."""

    def vocabulary_json(self) -> dict[str, Any]:
        return self.data.vocabulary.to_json()

    def config(self) -> dict[str, Any]:
        return {"classes": self.data.classes, "temperature": self.temperature}

    def baselines(self) -> list[Baseline]:
        return classify_baselines(self.data, self.data.parts[self.evaluated_on])

    def evaluate(self) -> dict[str, float]:
        return evaluate_part(self.trainee.network.eval(), self.data.parts[self.evaluated_on])

    def word_table(self) -> WordTable:
        assert isinstance(self.trainee.network, SequenceClassifier)
        encoded = self.data.parts["train"].encoded
        return WordTable(self.data.vocabulary.tokens, self.trainee.network.table.weight, encoded)

    def conclude(self) -> list[str]:
        """Calibrate: the output layer is divided by the temperature that suits the validation part best."""
        network, part = self.trainee.network.eval(), self.data.parts["validation"]
        assert isinstance(network, SequenceClassifier)
        logs = log_probabilities(network, part.encoded).double().numpy()
        self.temperature = fitted_temperature(logs, part.labels)
        if self.temperature == 1:
            return []
        with torch.no_grad():
            network.head.weight.div_(self.temperature)
            network.head.bias.div_(self.temperature)
        before, after = (nats(logs, part.labels, t).mean() for t in (1.0, self.temperature))
        return [
            f"probabilities are calibrated on the validation part: temperature {self.temperature:.3g}, with which its "
            f"loss is {after:.4f} instead of {before:.4f}; answers stay the same"
        ]

    def weights_before(self, folder: ModelFolder) -> dict[str, Tensor]:
        temperature = config_of(folder, ClassifyConfig).temperature
        found = folder.weights()
        heads = [name for name in found if name.startswith("head.")] if temperature != 1 else []
        return found | {name: found[name] * temperature for name in heads}

    def sections(self) -> list[Section]:
        """Confusion matrix, scores of each class, confused pairs, the surest mistakes, a curve of reliability."""
        part = self.data.parts[self.evaluated_on]
        logs = log_probabilities(self.trainee.network.eval(), part.encoded).double().numpy()
        return sections(part, self.data.classes, logs, self.temperature, self.evaluated_on)


TASK = ClassifyTask()
