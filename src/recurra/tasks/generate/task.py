"""1 to N: generate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from recurra.data.conditioned import Attributes
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import DataError
from recurra.model_folder import ModelFolder
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.generate.baselines import generate_baselines
from recurra.tasks.generate.data import GenerateData, encode_all, prepare
from recurra.tasks.generate.report import sections
from recurra.tasks.generate.settings import GenerateSettings
from recurra.tasks.generate.trainee import GenerateTrainee, Generator, build, evaluate_part
from recurra.tasks.sources.resolving import Source
from recurra.tasks.stored import Config, GenerateConfig, config_of
from recurra.tasks.task import Dataset, held_out_part
from recurra.tasks.text import losses
from recurra.tasks.weights import load_network
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.one_to_many import ConditionedDecoder


class GenerateTask:
    """Texts of a class; see tasks.task.Task."""

    name: ClassVar[str] = "generate"

    def prepare(self, source: Source, settings: GenerateSettings, kept: ModelFolder | None = None) -> GenerateDataset:
        training = settings.training
        known = None
        if kept is not None:
            attributes = Attributes.from_json(config_of(kept, GenerateConfig).attributes)
            known = (Vocabulary.from_json(kept.vocabulary), attributes)
        data = prepare(source, settings.data, seed=training.seed, kept=known)
        torch.manual_seed(training.seed)
        trainee = GenerateTrainee(data, settings.network, batch_size=training.batch_size, seed=training.seed)
        evaluated_on = held_out_part(data.parts)
        return GenerateDataset(source, settings, trainee, data.facts, list(data.notes), evaluated_on, data)

    def load(self, folder: ModelFolder, settings: GenerateSettings) -> Generator:
        vocabulary = Vocabulary.from_json(folder.vocabulary)
        config = config_of(folder, GenerateConfig)
        attributes = Attributes.from_json(config.attributes)
        network = load_network(lambda: build(vocabulary, attributes, settings.network), folder)
        tunes = config_of(folder, Config).data.unit == "tunes"
        return Generator(network, vocabulary, attributes, config.longest, tunes=tunes)

    def evaluate(self, model: Generator, source: Source, settings: GenerateSettings) -> tuple[int, dict[str, float]]:
        data, part = encode_all(source, settings.data, model.attributes, model.vocabulary)
        if not part.tokens:
            raise DataError("there is no text to score", file=source.name)
        return part.tokens, evaluate_part(model.network, part, data)


@dataclass
class GenerateDataset(Dataset):
    """A conditioned generator with its data, ready to train."""

    data: GenerateData

    def vocabulary_json(self) -> dict[str, Any]:
        return self.data.vocabulary.to_json()

    def config(self) -> dict[str, Any]:
        return {"attributes": self.data.attributes.to_json(), "longest": self.data.longest}

    def baselines(self) -> list[Baseline]:
        return generate_baselines(self.data, self.data.parts[self.evaluated_on])

    def evaluate(self) -> dict[str, float]:
        return evaluate_part(self.trainee.network.eval(), self.data.parts[self.evaluated_on], self.data)

    @property
    def scored(self) -> int:
        return self.data.parts[self.evaluated_on].tokens

    def word_table(self) -> WordTable:
        network, end = self.trainee.network, self.data.end
        assert isinstance(network, ConditionedDecoder)
        texts = [ids[ids < end] for ids in self.data.parts["train"].encoded]
        return WordTable(self.data.vocabulary.tokens, network.table.weight, texts)

    @property
    def loss_unit(self) -> str:
        return f"nats per {losses.UNITS[self.data.vocabulary.level]}"

    def sections(self) -> list[Section]:
        """Samples of each class, and how new, different and recognisable they are beside n-grams and real texts."""
        network = self.trainee.network
        assert isinstance(network, ConditionedDecoder)
        return sections(network, self.data, self.evaluated_on, self.settings.training.seed)


TASK = GenerateTask()
