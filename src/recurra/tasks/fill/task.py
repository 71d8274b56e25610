"""Both directions: fill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from recurra.errors import DataError
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.cutting import CutByRows, drawn, picked, some
from recurra.tasks.fill.baselines import fill_baselines
from recurra.tasks.fill.data import FillData, FillPart, choose_blanks, encode_rows, prepare, read_rows
from recurra.tasks.fill.preprocessor import FillPreprocessor
from recurra.tasks.fill.report import sections
from recurra.tasks.fill.settings import FillSettings
from recurra.tasks.fill.trainee import Filler, FillTrainee, compare, named
from recurra.tasks.own_inputs import OwnInput, spread_over, title_of
from recurra.tasks.sized import of_words
from recurra.tasks.sources.source import Source
from recurra.tasks.task import Dataset, Encoded, Evaluation
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.fill import SIDES, BlankFiller


class FillTask(CutByRows):
    """What stands in a blank; see tasks.task.Task."""

    name: ClassVar[str] = "fill"
    preprocessor = FillPreprocessor
    holds_out: ClassVar[bool] = True
    rows: ClassVar[str] = "sentences"
    vector_settings: ClassVar[Mapping[str, Any]] = {}

    def prepare(
        self, source: Source, settings: FillSettings, kept: FillPreprocessor | None = None
    ) -> Dataset[FillData]:
        if kept is not None:
            settings = settings.changed(blank_tokens=kept.longest)
        data = prepare(source, settings.data, seed=settings.split_seed, kept=kept)
        arrays = data.parts["train"].encoded
        return Dataset(source, settings, data, data.preprocessor, data.parts, arrays, data.facts, list(data.notes))

    def encode(self, source: Source, settings: FillSettings, preprocessor: FillPreprocessor) -> Encoded:
        texts = [text for part in read_rows(source, settings.data).values() for text in part.texts]
        encoded, _ = encode_rows(texts, preprocessor.vocabulary, settings.data.max_length)
        part = FillPart(encoded, *choose_blanks(encoded, settings.split_seed))
        if not len(part):
            raise DataError("these data have no word to leave out that the model knows", file=source.name)
        return Encoded(part)

    def words(self, dataset: Dataset[FillData]) -> tuple[int, ...]:
        return of_words(dataset.data.vocabulary)

    def word_width(self, settings: FillSettings) -> int:
        return settings.network.embedding_size + len(SIDES)

    def network(self, preprocessor: FillPreprocessor, settings: FillSettings) -> BlankFiller:
        return BlankFiller(len(preprocessor.vocabulary), settings.network, longest=preprocessor.longest)

    def trainee(self, network: BlankFiller, dataset: Dataset[FillData]) -> FillTrainee:
        training = dataset.settings.training
        return FillTrainee(
            network, dataset.data, batch_size=training.batch_size, seed=training.seed, samples=training.sampled_softmax
        )

    def model(self, network: BlankFiller, preprocessor: FillPreprocessor, settings: FillSettings) -> Filler:
        return Filler(network, preprocessor.vocabulary)

    def evaluate(self, model: Filler, part: FillPart, settings: FillSettings) -> Evaluation:
        """answers: the scores of the three heads"""
        found = compare(model.network, part)
        return Evaluation(named(found), len(part), found)

    def baselines(self, dataset: Dataset[FillData], part: FillPart) -> list[Baseline]:
        return fill_baselines(dataset.data, part)

    def examples(self, dataset: Dataset[FillData]) -> int:
        return len(dataset.data.parts["train"].encoded)

    def smaller(self, dataset: Dataset[FillData], count: int) -> Dataset[FillData]:
        """Sentences of the training part; of the others blanks."""
        parts = {name: some(part, count) for name, part in dataset.data.parts.items()}
        encoded, nothing = dataset.data.parts["train"].encoded, np.zeros(0, np.int64)
        parts["train"] = FillPart(picked(encoded, drawn(len(encoded), count)), nothing, nothing)
        return replace(dataset, data=replace(dataset.data, parts=parts), parts=parts)

    def learning_from(self, dataset: Dataset[FillData], count: int) -> Dataset[FillData]:
        """Sentences of the training part; the blanks of the others."""
        train = self.smaller(dataset, count).parts["train"]
        parts = {**dataset.parts, "train": train}
        return replace(dataset, data=replace(dataset.data, parts=parts), parts=parts)

    def word_table(self, dataset: Dataset[FillData], network: BlankFiller) -> WordTable:
        return WordTable(dataset.data.vocabulary.tokens, network.table.weight, dataset.arrays)

    def own_inputs(self, dataset: Dataset[FillData], part: str, count: int) -> list[OwnInput]:
        rows = dataset.parts[part].encoded

        def made(row: int) -> OwnInput:
            text = dataset.data.vocabulary.decode(rows[row])
            return OwnInput(title_of(text), text)

        return spread_over(rows, count, made)

    def sections(self, dataset: Dataset[FillData], model: Filler, evaluation: Evaluation) -> list[Section]:
        """The three heads side by side, sample blanks, and blanks of several tokens where the model fills such."""
        seed = dataset.settings.training.seed
        return sections(model.network, dataset.data, dataset.held_out, evaluation.answers, seed)


TASK = FillTask()
