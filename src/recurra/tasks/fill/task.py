"""Both directions: fill."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import DataError
from recurra.model_folder import ModelFolder
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.fill.baselines import fill_baselines
from recurra.tasks.fill.data import FillData, FillPart, choose_blanks, encode_rows, prepare, read_rows
from recurra.tasks.fill.report import sections
from recurra.tasks.fill.settings import FillSettings
from recurra.tasks.fill.trainee import Filler, FillTrainee, Scores, compare, inner, named
from recurra.tasks.sources.resolving import Source
from recurra.tasks.stored import FillConfig, config_of
from recurra.tasks.task import Dataset, held_out_part
from recurra.tasks.weights import load_network
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.fill import BlankFiller, Side


class FillTask:
    """What stands in a blank; see tasks.task.Task."""

    name: ClassVar[str] = "fill"

    def prepare(self, source: Source, settings: FillSettings, kept: ModelFolder | None = None) -> FillDataset:
        training = settings.training
        known = None
        if kept is not None:
            known = Vocabulary.from_json(kept.vocabulary)
            settings = settings.changed(blank_tokens=config_of(kept, FillConfig).longest_blank)
        data = prepare(source, settings.data, seed=training.seed, kept=known)
        torch.manual_seed(training.seed)
        trainee = FillTrainee(
            data, settings.network, batch_size=training.batch_size, seed=training.seed, samples=training.sampled_softmax
        )
        evaluated_on = held_out_part(data.parts)
        return FillDataset(source, settings, trainee, data.facts, list(data.notes), evaluated_on, data)

    def load(self, folder: ModelFolder, settings: FillSettings) -> Filler:
        vocabulary = Vocabulary.from_json(folder.vocabulary)
        longest = config_of(folder, FillConfig).longest_blank
        network = load_network(lambda: BlankFiller(len(vocabulary), settings.network, longest=longest), folder)
        return Filler(network, vocabulary)

    def evaluate(self, model: Filler, source: Source, settings: FillSettings) -> tuple[int, dict[str, float]]:
        texts = [text for part in read_rows(source, settings.data).values() for text in part.texts]
        encoded, _ = encode_rows(texts, model.vocabulary, settings.data.max_length)
        part = FillPart(encoded, *choose_blanks(encoded, settings.training.seed))
        if not len(part):
            raise DataError("these data have no word to leave out that the model knows", file=source.name)
        return len(part), named(compare(model.network, part))


@dataclass
class FillDataset(Dataset):
    """A model of blanks with its data, ready to train."""

    data: FillData
    found: dict[Side, Scores] = field(default_factory=dict)

    def vocabulary_json(self) -> dict[str, Any]:
        return self.data.vocabulary.to_json()

    def config(self) -> dict[str, Any]:
        return {"longest_blank": self.data.longest}

    def baselines(self) -> list[Baseline]:
        return fill_baselines(self.data, self._part)

    def evaluate(self) -> dict[str, float]:
        self.found = compare(self.trainee.network, self._part)
        return named(self.found)

    @property
    def scored(self) -> int:
        return len(self._part)

    @property
    def _part(self) -> FillPart:
        return self.data.parts[self.evaluated_on]

    def word_table(self) -> WordTable:
        encoded = self.data.parts["train"].encoded
        return WordTable(self.data.vocabulary.tokens, inner(self.trainee.network).table.weight, encoded)

    def sections(self) -> list[Section]:
        """The three heads side by side, sample blanks, and blanks of several tokens where the model fills such."""
        found = self.found or compare(self.trainee.network, self._part)
        network, seed = inner(self.trainee.network).eval(), self.settings.training.seed
        return sections(network, self.data, self._part, found, seed)


TASK = FillTask()
