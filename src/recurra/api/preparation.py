"""From the user's data and settings to something that can be trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from recurra.cells.catalogue import get
from recurra.data.corpus import build_corpus
from recurra.data.vocabulary import Vocabulary
from recurra.engines import choose
from recurra.engines.request import CellWeights, Request
from recurra.errors import DataError, UnknownNameError, UsageError
from recurra.tasks.classify import ClassifyTask, judge
from recurra.tasks.classify_data import prepare
from recurra.tasks.comparison import Rival, classify_rivals, language_rivals
from recurra.tasks.language import LanguageTask
from recurra.tasks.language import judge as judge_language
from recurra.tasks.sources import Source, hashes
from recurra.topologies.settings import NetworkSettings
from recurra.training.defaults import DEFAULTS, EPOCHS, Settings, default_epochs


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
    parts = {part: Path(given[part]).name for part in ("validation", "test") if given.get(part) is not None}
    settings = DEFAULTS[source.task].changed(**source.options).changed(**given | parts)
    network = settings.network
    engine_of(network)
    _check_sense(source, settings, given)
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


def engine_of(network: NetworkSettings) -> str:
    """The name of the engine that trains such a network here.

    Errors: UnknownNameError for a cell or an engine; EngineError if the engine asked for cannot
    """
    cell = get(network.cell)
    shapes = cell.shapes(network.embedding_size, network.hidden_size)
    weights = CellWeights(**{stored: torch.empty(shape) for stored, shape in shapes.items()})
    state = tuple(torch.empty(1, network.hidden_size) for _ in cell.states)
    mask = torch.empty(1, network.hidden_size) if network.recurrent_dropout else None
    request = Request(cell, weights, torch.empty(1, 1, network.embedding_size), state, recurrent_mask=mask)
    return choose.choose(request, network.engine).name


def _check_sense(source: Source, settings: Settings, given: dict[str, Any]) -> None:
    """Errors: UsageError for a setting that would have no effect on this run"""
    plain = {name: value for part in Settings().to_json().values() for name, value in part.items()}
    asked = {name for name, value in given.items() if value != plain[name]}
    for task, names in READ_BY.items():
        for name in names:
            if name in asked and source.task != task:
                raise UsageError(f"{name} is a setting of the task {task}; this run's task is {source.task}")
    for name in ("text", "label", "split_column"):
        if name in asked and source.kind != "table":
            raise UsageError(f"{name} names a column, but these data are no table: {source.why}")
    if "split_column" in asked and source.files.keys() != {"all"}:
        raise UsageError(f"split_column divides a single table; here each part has its own: {', '.join(source.files)}")
    for name in ("min_count", "max_vocabulary"):
        if name in asked and settings.data.level == "byte":
            raise UsageError(f"{name} does not apply to bytes, of which all 256 are known")


READ_BY = {
    "classify": ("merge", "pooling", "max_length", "keep_repeats", "balance"),
    "language": ("tie_weights", "state_reset"),
}
"""Settings that only one task reads."""


def prepare_run(source: Source, settings: Settings) -> Prepared:
    """Read the data and build the network, its weights drawn from the seed. Errors: DataError"""
    if settings.training.threads is not None:
        torch.set_num_threads(settings.training.threads)
    prepared = _classify(source, settings) if source.task == "classify" else _language(source, settings)
    if settings.training.epochs is None and settings.training.minutes is None:
        epochs = default_epochs(source.task, prepared.task.steps(0))
        prepared.settings = settings.changed(epochs=epochs)
        if epochs != EPOCHS[source.task]:
            prepared.notes.append(f"{epochs} epochs, for the data are few")
    return prepared


def _classify(source: Source, settings: Settings) -> Prepared:
    data = prepare(source, settings.data, seed=settings.training.seed)
    training = settings.training
    torch.manual_seed(training.seed)
    task = ClassifyTask(
        data,
        settings.network,
        batch_size=training.batch_size,
        bptt=training.bptt,
        seed=training.seed,
        balance=training.balance,
    )
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
        whole = source.files.keys() == {"all"}
        remedy = "give it a share, as in --split 90/10" if whole else "name its file with --validation FILE"
        raise DataError("the validation part is empty", remedy=remedy)
    torch.manual_seed(training.seed)
    task = LanguageTask(
        corpus,
        settings.network,
        batch_size=training.batch_size,
        bptt=training.bptt,
        seed=training.seed,
        state_reset=training.state_reset,
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
