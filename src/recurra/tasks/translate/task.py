"""N to M: translate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from recurra import metrics
from recurra.data.files.parallel import Pairs
from recurra.model_folder import ModelFolder
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks.sources.resolving import Source
from recurra.tasks.task import Dataset, held_out_part
from recurra.tasks.translate.baselines import translate_baselines
from recurra.tasks.translate.data import (
    PairPart,
    TranslateData,
    encode_pairs,
    prepare,
    read_pairs,
    two_files,
    vocabularies_from_json,
)
from recurra.tasks.translate.model import Translator
from recurra.tasks.translate.report import sections
from recurra.tasks.translate.settings import TranslateSettings
from recurra.tasks.translate.trainee import TranslateTrainee, nats_per_token, sacrebleu, scores
from recurra.tasks.weights import load_network
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.beam import Search
from recurra.topologies.encoder_decoder import EncoderDecoder

SEARCH = Search()
"""How the translations that are evaluated are searched for."""


class TranslateTask:
    """A sentence in another language; see tasks.task.Task."""

    name: ClassVar[str] = "translate"

    def prepare(self, source: Source, settings: TranslateSettings, kept: ModelFolder | None = None) -> TranslateDataset:
        sacrebleu()  # before hours of training, not after
        training = settings.training
        known = None if kept is None else vocabularies_from_json(kept.vocabulary)
        data = prepare(source, settings.data, seed=training.seed, kept=known)
        torch.manual_seed(training.seed)
        trainee = TranslateTrainee(
            data,
            settings.network,
            batch_size=training.batch_size,
            seed=training.seed,
            smoothing=training.label_smoothing,
            scheduled_sampling=training.scheduled_sampling,
        )
        evaluated_on = held_out_part(data.parts)
        notes = [*data.notes, _how(settings)]
        return TranslateDataset(source, settings, trainee, data.facts, notes, evaluated_on, data)

    def load(self, folder: ModelFolder, settings: TranslateSettings) -> Translator:
        source, target = vocabularies_from_json(folder.vocabulary)
        network = load_network(lambda: EncoderDecoder(len(source) + 1, len(target) + 1, settings.network), folder)
        return Translator(network, source, target, max_length=settings.data.max_length)

    def evaluate(self, model: Translator, source: Source, settings: TranslateSettings) -> tuple[int, dict[str, float]]:
        data = settings.data if two_files(source) else settings.data.model_copy(update={"languages": None})
        pairs = Pairs([pair for part in read_pairs(source, data).values() for pair in part])
        part = encode_pairs(pairs, model.source, model.target, data, learned=False)
        written = model.texts(part.encoded_sources, part.sources, SEARCH)
        return len(part), _evaluated(model.network, part, written, settings)


@dataclass
class TranslateDataset(Dataset):
    """A translator with its pairs, ready to train."""

    data: TranslateData
    written: list[str] = field(default_factory=list)

    def vocabulary_json(self) -> dict[str, Any]:
        return {"source": self.data.source.to_json(), "target": self.data.target.to_json()}

    def baselines(self) -> list[Baseline]:
        return translate_baselines(self.data, self._part, lowercase=_lowercase(self.settings))

    def evaluate(self) -> dict[str, float]:
        self.written = self._model.texts(self._part.encoded_sources, self._part.sources, SEARCH)
        return _evaluated(self._model.network, self._part, self.written, self.settings)

    @property
    def _part(self) -> PairPart:
        return self.data.parts[self.evaluated_on]

    @property
    def _model(self) -> Translator:
        network = self.trainee.network
        assert isinstance(network, EncoderDecoder)
        return Translator(network, self.data.source, self.data.target, max_length=self.settings.data.max_length)

    def word_table(self) -> WordTable:
        """That of the source, whose language the vectors are of."""
        network = self.trainee.network
        assert isinstance(network, EncoderDecoder)
        texts = [row[:-1] for row in self.data.parts["train"].encoded_sources]
        return WordTable(self.data.source.tokens, network.source.weight, texts)

    def sections(self) -> list[Section]:
        """Translations beside their references, BLEU by length, where the decoder looked."""
        part = self._part
        written = self.written or self._model.texts(part.encoded_sources, part.sources, SEARCH)
        looked = self.settings.network.attention != "none"
        return sections(self._model, part, written, SEARCH, lowercase=_lowercase(self.settings), looked=looked)


def _evaluated(
    network: EncoderDecoder, part: PairPart, written: list[str], settings: TranslateSettings
) -> dict[str, float]:
    loss = nats_per_token(network.eval(), part)
    found = scores(written, part.targets, lowercase=_lowercase(settings))
    return {"loss": loss} | found | {"perplexity": metrics.perplexity(loss)}


def _lowercase(settings: TranslateSettings) -> bool:
    return "lowercase" in settings.data.normalize


def _how(settings: TranslateSettings) -> str:
    case = "lower case" if _lowercase(settings) else "case counts"
    return (
        f"BLEU and chrF by sacrebleu on whole texts (13a, {case}); searched with a beam of {SEARCH.beam} and length "
        f"penalty {SEARCH.length_penalty:g}"
    )


TASK = TranslateTask()
