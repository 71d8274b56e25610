"""N to N: language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from recurra.data.corpus.mapped import Corpus
from recurra.errors import DataError
from recurra.model_folder import ModelFolder
from recurra.report import record as report
from recurra.tasks.language.baselines import language_rivals
from recurra.tasks.language.data import UNITS, encode_source, read_corpus, read_vocabulary
from recurra.tasks.language.model import LanguageModel
from recurra.tasks.language.settings import DEFAULTS, LanguageSettings
from recurra.tasks.language.trainee import LanguageTask, judge
from recurra.tasks.rival import Rival
from recurra.tasks.sources.resolving import Source, hashes
from recurra.tasks.task import Prepared, held_out_part
from recurra.tasks.text.repeated_lines import repeated_lines
from recurra.tasks.weights import load_network
from recurra.tasks.word_vectors.table import WordTable
from recurra.topologies.many_to_many import NextToken, output_for

SAMPLES = (("", 0.5), ("", 0.8), ("", 1.0))
"""Prompt and temperature of the report's samples."""
SAMPLE_LENGTH = {"char": 400, "byte": 400, "word": 80, "bpe": 100}


class LanguageKind:
    """The next token of a text; see tasks.task.Kind."""

    name: ClassVar[str] = "language"

    def prepare(self, source: Source, settings: LanguageSettings, kept: ModelFolder | None = None) -> PreparedLanguage:
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
        task = LanguageTask(
            corpus,
            settings.network,
            batch_size=training.batch_size,
            bptt=training.bptt,
            seed=training.seed,
            state_reset=training.state_reset,
        )
        judged_on = held_out_part({"test": corpus.test})
        judged = getattr(corpus, judged_on)
        facts = {
            "name": source.name,
            "files": hashes(source.files),
            "counts": {p: len(getattr(corpus, p)) for p in ("train", "validation", "test")},
            "unit": UNITS[level],
            "vocabulary_size": len(corpus.vocabulary),
            "vocabulary_level": level,
            "unknown_rate": float((judged == 0).mean()),
        }
        return PreparedLanguage(source, settings, task, facts, notes, judged_on, corpus)

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
        return len(tokens) - 1, judge(model.network, tokens, model.vocabulary.level)


@dataclass
class PreparedLanguage(Prepared):
    """A language model with its corpus, ready to train."""

    corpus: Corpus

    def vocabulary_json(self) -> dict[str, Any]:
        return self.corpus.vocabulary.to_json()

    def rivals(self) -> list[Rival]:
        return language_rivals(self.corpus, getattr(self.corpus, self.judged_on))

    def judge(self) -> dict[str, float]:
        return judge(self.task.network.eval(), getattr(self.corpus, self.judged_on), self.corpus.vocabulary.level)

    @property
    def scored(self) -> int:
        return super().scored - 1  # nothing foretells a text's first token

    def word_table(self) -> WordTable:
        assert isinstance(self.task.network, NextToken)
        return WordTable(self.corpus.vocabulary.tokens, self.task.network.table.weight, [self.corpus.train])

    def details(self) -> dict[str, Any]:
        """Samples at rising temperatures."""
        assert isinstance(self.task.network, NextToken)
        model = LanguageModel(self.task.network, self.corpus.vocabulary)
        length, seed = SAMPLE_LENGTH[self.corpus.vocabulary.level], self.settings.training.seed
        samples = [
            report.Sample(prompt, heat, "".join(model.stream(prompt, length, temperature=heat, seed=seed)))
            for prompt, heat in SAMPLES
        ]
        return {"samples": samples}


TASK = LanguageKind()
