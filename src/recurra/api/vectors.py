"""Word vectors between the user's settings and a dataset network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from recurra.api.setup import Setup
from recurra.data.vectors.file import VectorFile
from recurra.errors import UsageError
from recurra.report import numbers
from recurra.report.sections import Cell, Column, Section, Table
from recurra.tasks.abilities import WordTables
from recurra.tasks.settings import AnySettings, TextSettings
from recurra.tasks.word_vectors import table as vectors
from recurra.tasks.word_vectors.skipgram import Pass, SkipGram
from recurra.tasks.word_vectors.table import WordTable


def with_vectors(settings: AnySettings, given: dict[str, Any]) -> AnySettings:
    """The settings with the width of the vectors' file, if there is one.

    given: what the user set
    Errors: UsageError for settings that do not go together; DataError for a file that holds no vectors
    """
    data, network = settings.data, settings.network
    if not isinstance(data, TextSettings):
        return settings
    if given.get("vectors") is not None and data.train_vectors:
        raise UsageError("vectors are either read from a file or learned first; give vectors or train_vectors")
    if given.get("vectors") is None and given.get("vectors_encoding") is not None:
        raise UsageError("vectors_encoding goes with a file of vectors; name the file with vectors")
    if given.get("vectors") is None and not data.train_vectors:
        if network.freeze_vectors:
            raise UsageError("freeze_vectors has nothing to freeze; give vectors or train_vectors")
        return settings
    if data.level == "byte":
        raise UsageError("bytes have no word vectors; leave vectors and train_vectors out, or use level word")
    if given.get("vectors") is not None:
        width = VectorFile(Path(given["vectors"]), data.vectors_encoding).width
        if given.get("embedding_size") not in (None, width):
            raise UsageError(
                f"{given['vectors']} has vectors of {width} numbers, not embedding_size "
                f"{given['embedding_size']}; leave embedding_size out"
            )
        settings = settings.changed(embedding_size=width)
    return settings


def start(setup: Setup, file: Path | None, log: Callable[[str], None]) -> None:
    """Read or learn the word vectors that the settings ask for. Errors: DataError with file and line"""
    settings = setup.settings
    if file is None and not (isinstance(settings.data, TextSettings) and settings.data.train_vectors):
        return
    table = _table(setup)
    if file is not None:
        facts = vectors.from_file(table, file, encoding=settings.data.vectors_encoding)
    else:
        how = SkipGram(width=settings.network.embedding_size, seed=settings.training.seed)
        facts = vectors.from_texts(table, how, notify=lambda done: log(describe_pass(done)))
    setup.vectors = facts | {"frozen": settings.network.freeze_vectors}
    _settle(setup, table)


def resume(setup: Setup, stored: dict[str, Any]) -> None:
    """As `start` for a run that goes on: its vectors are among its weights, and what was found stands in its config."""
    setup.vectors = stored
    if stored:
        _settle(setup, _table(setup))


def _table(setup: Setup) -> WordTable:
    task = setup.task
    if not isinstance(task, WordTables):
        raise UsageError(f"a network of the task {task.name} reads no tokens that could start from word vectors")
    return task.word_table(setup.dataset, setup.network)


def _settle(setup: Setup, table: WordTable) -> None:
    table.weight.requires_grad_(not setup.vectors["frozen"])
    setup.dataset.notes += vectors.notes(setup.vectors)


def describe_pass(done: Pass) -> str:
    """A pass over the texts in a line."""
    rate = done.pairs * done.epoch / max(done.seconds, 1e-9)
    return (
        f"word vectors: pass {done.epoch} of {done.epochs}  loss {done.loss:.4f}  {rate:,.0f} pairs/s  "
        f"{done.seconds:.0f} s"
    )


def table(facts: dict[str, Any]) -> list[Section]:
    """What the report says of the vectors."""
    if not facts:
        return []
    rows: list[list[Cell]] = [["Out of", facts["file"] or "the training part, by skip-gram with negative sampling"]]
    if facts["file"] is not None:
        rows += [
            ["SHA-256", facts["sha256"]],
            ["Vectors in the file", numbers.write_count(facts["read"])],
            ["Types without a vector", _share(facts, "types")],
            ["Tokens of the training part without a vector", _share(facts, "tokens")],
            ["Types found in lower case", numbers.write_count(facts["lower_case"])],
            ["Duplicates, of which the first counts", numbers.write_count(facts["duplicates"])],
            [f"Tokens that are not {facts['encoding']}", numbers.write_count(facts["undecodable"])],
        ]
    else:
        rows += [[name.replace("_", " "), str(value)] for name, value in facts["skip_gram"].items()]
    rows += [
        ["Numbers of a vector", str(facts["width"])],
        ["Multiplied by", f"{facts['factor']:.3g}"],
        ["In training", "left as they are" if facts["frozen"] else "trained further"],
    ]
    return [Table("Word vectors", ["", Column("")], rows)]


def _share(facts: dict[str, Any], unit: str) -> str:
    count, missing = facts[unit], facts[f"{unit}_without"]
    return f"{missing:,} of {count:,} ({missing / max(count, 1):.1%})"
