"""From the user's data and settings to something that can be trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from recurra.cells.catalogue import get
from recurra.data.corpus import build_corpus
from recurra.data.vocabulary import Vocabulary
from recurra.engines import choose
from recurra.errors import DataError, UnknownNameError, UsageError
from recurra.tasks.classify import ClassifyTask, judge
from recurra.tasks.classify_data import hashes, prepare
from recurra.tasks.comparison import Rival, classify_rivals, language_rivals
from recurra.tasks.language import LanguageTask
from recurra.tasks.language import judge as judge_language
from recurra.tasks.sources import Source
from recurra.training.defaults import DEFAULTS, EPOCHS, Settings


@dataclass
class Prepared:
    """A task with its data, ready to train. facts: what was read; judged_on: the part that the report speaks of."""

    source: Source
    settings: Settings
    task: ClassifyTask | LanguageTask
    vocabulary: Vocabulary
    facts: dict[str, Any]
    notes: list[str]
    judged_on: str

    @property
    def classes(self) -> list[str]:
        return self.task.data.classes if isinstance(self.task, ClassifyTask) else []

    def rivals(self) -> list[Rival]:
        """The baselines, judged on the same part."""
        if isinstance(self.task, ClassifyTask):
            return classify_rivals(self.task.data, self.task.data.parts[self.judged_on])
        return language_rivals(self.task.corpus, getattr(self.task.corpus, self.judged_on))

    def judge(self) -> dict[str, float]:
        """The network's scores on that part."""
        network = self.task.network.eval()
        if isinstance(self.task, ClassifyTask):
            return judge(network, self.task.data.parts[self.judged_on])
        return judge_language(network, getattr(self.task.corpus, self.judged_on), self.vocabulary.level)


def settings_for(source: Source, given: dict[str, Any]) -> Settings:
    """The task's defaults, changed by what belongs to the data, changed by what the user gave.

    Errors: UsageError, UnknownNameError for settings that cannot be
    """
    settings = DEFAULTS[source.task].changed(**source.options).changed(**given)
    if settings.training.epochs is None and settings.training.minutes is None:
        settings = settings.changed(epochs=EPOCHS[source.task])
    network = settings.network
    get(network.cell)
    if network.engine not in choose.names():
        raise UnknownNameError("engine", network.engine, choose.names())
    device = settings.training.device
    if device not in ("auto", "cpu", "cuda"):
        raise UnknownNameError("device", device, ("auto", "cpu", "cuda"))
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device cuda: torch finds no CUDA device here")
    if source.task == "language" and network.bidirectional:
        raise UsageError("a language model reads forward only; leave bidirectional out")
    if network.bidirectional and settings.training.bptt is not None:
        raise UsageError("truncated BPTT reads forward only; use bidirectional=False or the full bptt")
    return settings


def prepare_run(source: Source, settings: Settings) -> Prepared:
    """Read the data and build the network, its weights drawn from the seed. Errors: DataError"""
    if settings.training.threads is not None:
        torch.set_num_threads(settings.training.threads)
    return _classify(source, settings) if source.task == "classify" else _language(source, settings)


def _classify(source: Source, settings: Settings) -> Prepared:
    data = prepare(source, settings.data, seed=settings.training.seed)
    training = settings.training
    torch.manual_seed(training.seed)
    task = ClassifyTask(data, settings.network, batch_size=training.batch_size, bptt=training.bptt, seed=training.seed)
    judged_on = "test" if len(data.parts["test"]) else "validation"
    return Prepared(source, settings, task, data.vocabulary, data.facts, list(data.notes), judged_on)


def _language(source: Source, settings: Settings) -> Prepared:
    asked, training = settings.data, settings.training
    level = asked.level or "char"
    files: Any = source.files["all"] if source.files.keys() == {"all"} else source.files
    rarest, largest = (1, None) if level == "byte" else (asked.min_count, asked.max_vocabulary)
    corpus = build_corpus(
        files, fractions=asked.split, level=level, normalize=asked.normalize, encoding=asked.encoding,
        split=asked.word_split,  min_count=rarest,
        max_size=largest,
    )  # fmt: skip
    if not len(corpus.validation):
        raise DataError("the validation part is empty", remedy="give it a share, as in --split 90/10")
    torch.manual_seed(training.seed)
    task = LanguageTask(
        corpus, settings.network, batch_size=training.batch_size, bptt=training.bptt, seed=training.seed
    )
    judged_on = "test" if len(corpus.test) else "validation"
    judged = getattr(corpus, judged_on)
    unit = {"char": "characters", "word": "words", "byte": "bytes"}[level]
    facts = {
        "name": source.name,
        "files": hashes(source.files),
        "counts": {p: len(getattr(corpus, p)) for p in ("train", "validation", "test")},
        "unit": unit,
        "vocabulary_size": len(corpus.vocabulary),
        "vocabulary_level": level,
        "unknown_rate": float((judged == 0).mean()),
    }
    return Prepared(source, settings, task, corpus.vocabulary, facts, [], judged_on)
