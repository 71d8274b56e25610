"""N to M: translate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from recurra import metrics
from recurra.data.files.parallel import Pairs
from recurra.model_folder import ModelFolder
from recurra.report import record as report
from recurra.report.attention import draw_attention
from recurra.report.record import Baseline
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
from recurra.tasks.translate.settings import TranslateSettings
from recurra.tasks.translate.trainee import TranslateTrainee, nats_per_token, sacrebleu, scores
from recurra.tasks.weights import load_network
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.beam import Search
from recurra.topologies.encoder_decoder import EncoderDecoder

SEARCH = Search()
"""How the translations that are evaluated are searched for."""
SAMPLES, PICTURES = 10, 4
"""Translations and attention pictures of the report."""
LENGTHS = (8, 12, 16, 24)
"""Words of a source: where the groups of the table by length end."""


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
            own_words=training.scheduled_sampling,
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

    def details(self) -> dict[str, Any]:
        """Translations beside their references, BLEU by length, where the decoder looked."""
        part = self._part
        written = self.written or self._model.texts(part.encoded_sources, part.sources, SEARCH)
        chosen = range(0, len(part), max(1, len(part) // SAMPLES))[:SAMPLES]
        rows = [[part.sources[i], part.targets[i], written[i]] for i in chosen]
        samples = report.Table("Translations", ["source", "reference", "Recurra"], rows, "Taken at even distances.")
        tables = [samples, self._by_length(written)]
        if self.settings.network.attention == "none":
            return {"tables": tables}
        texts = [part.sources[i] for i in range(len(part)) if 5 <= len(part.sources[i].split()) <= 15][:PICTURES]
        pictures = []
        for number, found in enumerate(self._model.translate(texts or part.sources[:PICTURES], SEARCH)):
            if found.weights is not None:
                drawn = draw_attention(
                    found.source_tokens, found.target_tokens, found.weights, name=f"attention-{number}"
                )
                title, said = f"Where the decoder looked: {found.text}", f"{found.text} was translated as {found.best}"
                pictures.append(report.Picture(title, drawn, said))
        return {"tables": tables, "pictures": pictures}

    def _by_length(self, written: list[str]) -> report.Table:
        part, rows, low = self._part, [], 1
        lowercase = _lowercase(self.settings)
        sizes = [len(text.split()) for text in part.sources]
        for high in (*LENGTHS, max([*sizes, LENGTHS[-1] + 1])):
            chosen = [i for i, size in enumerate(sizes) if low <= size <= high]
            if chosen:
                found = scores([written[i] for i in chosen], [part.targets[i] for i in chosen], lowercase=lowercase)
                rows.append([f"{low} to {high}", str(len(chosen)), f"{found['bleu']:.1f}", f"{found['chrf']:.1f}"])
            low = high + 1
        note = "Words between spaces; in a script without spaces all sentences are in the first row."
        return report.Table("By the length of the source", ["words", "pairs", "BLEU", "chrF"], rows, note)


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
