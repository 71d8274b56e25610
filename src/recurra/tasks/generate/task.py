"""1 to N: generate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from recurra.errors import DataError
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.cutting import CutByRows
from recurra.tasks.generate.baselines import generate_baselines
from recurra.tasks.generate.data import GenerateData, Ids, Part, encode_all, prepare
from recurra.tasks.generate.preprocessor import GeneratePreprocessor
from recurra.tasks.generate.report import sections
from recurra.tasks.generate.settings import GenerateSettings
from recurra.tasks.generate.trainee import GenerateTrainee, Generator, build_network, evaluate_part
from recurra.tasks.outgoing import COUNT, LONGEST, Asked
from recurra.tasks.own_inputs import OwnInput, spread_over, title_of
from recurra.tasks.sized import of_words
from recurra.tasks.sources.source import Source
from recurra.tasks.task import Dataset, Encoded, Evaluation
from recurra.tasks.text.losses import UNITS
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.one_to_many import ConditionedDecoder


class GenerateTask(CutByRows):
    """Texts of a class; see tasks.task.Task."""

    name: ClassVar[str] = "generate"
    preprocessor = GeneratePreprocessor
    holds_out: ClassVar[bool] = True
    vector_settings: ClassVar[Mapping[str, Any]] = {}

    def prepare(
        self, source: Source, settings: GenerateSettings, kept: GeneratePreprocessor | None = None
    ) -> Dataset[GenerateData]:
        data = prepare(source, settings.data, seed=settings.split_seed, kept=kept)
        return Dataset(
            source,
            settings,
            data,
            data.preprocessor,
            data.parts,
            _texts(data),
            data.facts,
            list(data.notes),
            loss_unit=f"nats per {UNITS[data.vocabulary.level]}",
        )

    def encode(self, source: Source, settings: GenerateSettings, preprocessor: GeneratePreprocessor) -> Encoded:
        part = encode_all(source, settings.data, preprocessor.attributes, preprocessor.vocabulary)
        if not part.tokens:
            raise DataError("there is no text to score", file=source.name)
        return Encoded(part)

    def words(self, dataset: Dataset[GenerateData]) -> tuple[int, ...]:
        return of_words(dataset.data.vocabulary)

    def word_width(self, settings: GenerateSettings) -> int:
        return settings.network.embedding_size + settings.network.hidden_size + 1

    def network(self, preprocessor: GeneratePreprocessor, settings: GenerateSettings) -> ConditionedDecoder:
        return build_network(preprocessor, settings.network)

    def trainee(self, network: ConditionedDecoder, dataset: Dataset[GenerateData]) -> GenerateTrainee:
        training = dataset.settings.training
        return GenerateTrainee(network, dataset.data, batch_size=training.batch_size, seed=training.seed)

    def model(
        self, network: ConditionedDecoder, preprocessor: GeneratePreprocessor, settings: GenerateSettings
    ) -> Generator:
        vocabulary, attributes = preprocessor.vocabulary, preprocessor.attributes
        return Generator(network, vocabulary, attributes, preprocessor.longest, tunes=preprocessor.tunes)

    def evaluate(self, model: Generator, part: Part, settings: GenerateSettings) -> Evaluation:
        return Evaluation(evaluate_part(model.network, part, model.vocabulary), part.tokens)

    def baselines(self, dataset: Dataset[GenerateData], part: Part) -> list[Baseline]:
        return generate_baselines(dataset.data, part)

    def word_table(self, dataset: Dataset[GenerateData], network: ConditionedDecoder) -> WordTable:
        return WordTable(dataset.data.vocabulary.tokens, network.table.weight, _texts(dataset.data))

    def sections(self, dataset: Dataset[GenerateData], model: Generator, evaluation: Evaluation) -> list[Section]:
        """Samples of each class, and how new, different and recognisable they are beside n-grams and real texts."""
        return sections(model.network, dataset.data, dataset.evaluated_on, dataset.settings.training.seed)

    def own_inputs(self, dataset: Dataset[GenerateData], part: str, count: int) -> list[OwnInput]:
        found = dataset.parts[part]

        def made(row: int) -> OwnInput:
            condition = dataset.data.attributes.describe(found.conditions[found.labels[row]].tolist())
            return OwnInput(title_of(found.texts[row], condition), found.texts[row], {"condition": condition})

        return spread_over(found.texts, count, made)

    def asked(self, part: Part) -> list[Asked]:
        """Each text behind the begin, which is the first id that is never written."""
        begin = max((int(ids.max()) for ids in part.encoded), default=0) + 1
        return [
            Asked(np.concatenate([[begin], ids[:-1]]).astype(np.int64)[:LONGEST], part.conditions[label])
            for ids, label in zip(part.encoded[:COUNT], part.labels[:COUNT], strict=True)
        ]


def _texts(data: GenerateData) -> list[Ids]:
    """The training texts without their ends."""
    return [ids[ids < data.end] for ids in data.parts["train"].encoded]


TASK = GenerateTask()
