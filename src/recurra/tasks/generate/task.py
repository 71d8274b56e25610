"""1 to N: generate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from recurra.data.conditioned import Attributes
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import DataError
from recurra.model_folder import ModelFolder
from recurra.report import record as report
from recurra.report.record import Baseline
from recurra.tasks.generate.baselines import ClassGrams, generate_baselines
from recurra.tasks.generate.data import GenerateData, encode_all, prepare
from recurra.tasks.generate.samples import (
    Drawn,
    evenly,
    from_grams,
    from_network,
    held_out,
    in_proportion,
    naive_bayes,
    quality,
)  # fmt: skip
from recurra.tasks.generate.settings import GenerateSettings
from recurra.tasks.generate.trainee import GenerateTrainee, Generator, build, evaluate_part
from recurra.tasks.sources.resolving import Source
from recurra.tasks.stored import Config, GenerateConfig, config_of
from recurra.tasks.task import Dataset, held_out_part
from recurra.tasks.weights import load_network
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.one_to_many import ConditionedDecoder

TEMPERATURE = 0.8
"""Of the report's samples."""
DRAWN = {"tunes": 100, "texts": 1000}
"""Texts that are drawn to be evaluated."""
CLASSES = 60
"""Conditions that the report shows samples of at most, and that are still told apart by naive Bayes."""
SHOWN = 6
"""Samples of each."""
LONG = 60
"""Characters, on average, from which a text is shown by itself."""
GRAMS = 5
"""Order of the n-grams whose texts stand beside the network's."""


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

    def details(self) -> dict[str, Any]:
        """Samples of each class, and how new, different and recognisable they are beside n-grams and real texts."""
        network, data = self.trainee.network, self.data
        assert isinstance(network, ConditionedDecoder)
        seed = self.settings.training.seed
        labels = in_proportion(data, DRAWN["tunes" if data.tunes else "texts"])
        grams = ClassGrams.fit(data.parts["train"], data, GRAMS)
        rows = {
            "this model": from_network(network, data, labels, temperature=TEMPERATURE, seed=seed),
            f"Kneser-Ney {GRAMS}-gram of each class": from_grams(
                grams, data, labels, temperature=TEMPERATURE, seed=seed
            ),
            f"real texts, {self.evaluated_on} part": held_out(data, self.evaluated_on),
        }
        found = {"tables": [_qualities(rows, data, len(labels))]}
        letters = sum(map(len, data.parts["train"].texts)) / len(data.parts["train"])
        alone = data.tunes or letters > LONG
        if len(data.conditions) > CLASSES:
            return found
        few = evenly(data, len(data.conditions) * (1 if alone else SHOWN))
        drawn = from_network(network, data, few, temperature=TEMPERATURE, seed=seed + 1)
        if alone:
            return found | {"samples": _samples(drawn, data)}
        return found | {"tables": [*found["tables"], _examples(drawn, data)]}


def _qualities(rows: dict[str, Drawn], data: GenerateData, count: int) -> report.Table:
    recognise = naive_bayes(data) if 1 < len(data.conditions) <= CLASSES else None
    found = {name: quality(drawn, data, recognise) for name, drawn in rows.items()}
    columns = list(next(iter(found.values())))
    cells = [
        [name, *(f"{row[c]:.1f}" if c == "characters" else f"{row[c]:.3f}" for c in columns)]
        for name, row in found.items()
    ]
    note = (
        f"Shares of {count:,} texts drawn at temperature {TEMPERATURE}, their classes as frequent as in training: "
        "taken by naive Bayes for the class they were written for, not in the training part, different from each other"
    )
    return report.Table("Are the texts new?", ["", *(c.replace("_", " ") for c in columns)], cells, note + ".")


def _examples(drawn: Drawn, data: GenerateData) -> report.Table:
    rows = [
        [name, ", ".join(text for text, label in zip(drawn.texts, drawn.labels, strict=True) if label == place)]
        for place, name in enumerate(data.names())
    ]
    return report.Table("Samples of each class", ["class", f"at temperature {TEMPERATURE}"], rows)


def _samples(drawn: Drawn, data: GenerateData) -> list[report.Sample]:
    names = data.names()
    return [
        report.Sample(f"{names[label]}\n", TEMPERATURE, text)
        for text, label in zip(drawn.texts, drawn.labels.tolist(), strict=True)
    ]


TASK = GenerateTask()
