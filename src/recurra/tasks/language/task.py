"""N to N: language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from recurra.data.corpus.mapped import Corpus
from recurra.errors import DataError
from recurra.model_folder import ModelFolder
from recurra.report.record import Baseline
from recurra.report.sections import Sample, Samples, Section
from recurra.tasks.language.baselines import language_baselines
from recurra.tasks.language.data import UNITS, encode_source, read_corpus, read_vocabulary
from recurra.tasks.language.model import LanguageModel
from recurra.tasks.language.settings import DEFAULTS, LanguageSettings
from recurra.tasks.language.trainee import LanguageTrainee, evaluate_part
from recurra.tasks.sources.resolving import Source, hashes
from recurra.tasks.task import Dataset, held_out_part
from recurra.tasks.text import losses
from recurra.tasks.text.repeated_lines import repeated_lines
from recurra.tasks.weights import load_network
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.many_to_many import NextToken, output_for

SAMPLES = (("", 0.5), ("", 0.8), ("", 1.0))
"""Prompt and temperature of the report's samples."""
SAMPLE_LENGTH = {"char": 400, "byte": 400, "word": 80, "bpe": 100}


class LanguageTask:
    """The next token of a text; see tasks.task.Task."""

    name: ClassVar[str] = "language"

    def prepare(self, source: Source, settings: LanguageSettings, kept: ModelFolder | None = None) -> LanguageDataset:
        asked, training = settings.data, settings.training
        level = asked.level or "char"
        corpus = read_corpus(source, asked, None if kept is None else read_vocabulary(kept.vocabulary))
        if not len(corpus.validation):
            whole = asked.validation is None and "train" not in source.files
            remedy = "give it a share, as in --split 90/10" if whole else "name its file with --validation FILE"
            raise DataError("the validation part is empty", remedy=remedy)
        notes = repeated_lines(corpus)
        if level in DEFAULTS.by_level:
            changed = ", ".join(f"{name} {value}" for name, value in DEFAULTS.by_level[level].items())
            notes.append(f"{UNITS[level]} start from other defaults than characters: {changed}")
        output = output_for(len(corpus.vocabulary), settings.network)
        if output == "adaptive" and settings.network.output == "auto":
            notes.append(
                f"the output is adaptive, for {len(corpus.vocabulary):,} tokens; --output softmax for one over all"
            )
        settings = settings.changed(output=output)
        torch.manual_seed(training.seed)
        trainee = LanguageTrainee(
            corpus,
            settings.network,
            batch_size=training.batch_size,
            bptt=training.bptt,
            seed=training.seed,
            state_reset=training.state_reset,
        )
        evaluated_on = held_out_part({"test": corpus.test})
        held_out = getattr(corpus, evaluated_on)
        facts = {
            "name": source.name,
            "files": hashes(source.files),
            "counts": {p: len(getattr(corpus, p)) for p in ("train", "validation", "test")},
            "unit": UNITS[level],
            "vocabulary_size": len(corpus.vocabulary),
            "vocabulary_level": level,
            "unknown_rate": float((held_out == 0).mean()),
        }
        return LanguageDataset(source, settings, trainee, facts, notes, evaluated_on, corpus)

    def load(self, folder: ModelFolder, settings: LanguageSettings) -> LanguageModel:
        vocabulary = read_vocabulary(folder.vocabulary)
        network = load_network(lambda: NextToken(len(vocabulary), settings.network), folder)
        return LanguageModel(network, vocabulary)

    def evaluate(
        self, model: LanguageModel, source: Source, settings: LanguageSettings
    ) -> tuple[int, dict[str, float]]:
        tokens = encode_source(source, settings.data, model.vocabulary)
        if len(tokens) < 2:
            raise DataError(f"a text of {len(tokens)} tokens has no next token to score", file=source.name)
        return len(tokens) - 1, evaluate_part(model.network, tokens, model.vocabulary.level)


@dataclass
class LanguageDataset(Dataset):
    """A language model with its corpus, ready to train."""

    corpus: Corpus

    def vocabulary_json(self) -> dict[str, Any]:
        return self.corpus.vocabulary.to_json()

    def baselines(self) -> list[Baseline]:
        return language_baselines(self.corpus, getattr(self.corpus, self.evaluated_on))

    def evaluate(self) -> dict[str, float]:
        return evaluate_part(
            self.trainee.network.eval(), getattr(self.corpus, self.evaluated_on), self.corpus.vocabulary.level
        )

    @property
    def scored(self) -> int:
        return super().scored - 1  # nothing predicts a text's first token

    def word_table(self) -> WordTable:
        assert isinstance(self.trainee.network, NextToken)
        return WordTable(self.corpus.vocabulary.tokens, self.trainee.network.table.weight, [self.corpus.train])

    @property
    def loss_unit(self) -> str:
        return f"nats per {losses.UNITS[self.corpus.vocabulary.level]}"

    def sections(self) -> list[Section]:
        """Samples at rising temperatures."""
        assert isinstance(self.trainee.network, NextToken)
        model = LanguageModel(self.trainee.network, self.corpus.vocabulary)
        length, seed = SAMPLE_LENGTH[self.corpus.vocabulary.level], self.settings.training.seed
        samples = [
            Sample("".join(model.stream(prompt, length, temperature=heat, seed=seed)), prompt, f"Temperature {heat:g}")
            for prompt, heat in SAMPLES
        ]
        return [Samples("Samples", samples, "Written by the model, unedited.")]


TASK = LanguageTask()
