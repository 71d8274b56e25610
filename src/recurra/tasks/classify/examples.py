"""Labelled texts as their files have them."""

from __future__ import annotations

from pathlib import Path

from recurra.data.files import examples as reading
from recurra.data.files.examples import Examples
from recurra.data.files.tables import column_names, read_table
from recurra.errors import DataError, UsageError, listed
from recurra.tasks.classify.settings import ClassifyDataSettings
from recurra.tasks.sources.source import Source, in_memory
from recurra.tasks.sources.tagged_pairs import LABELS
from recurra.tasks.text.usual import LABEL_COLUMNS, TEXT_COLUMNS

_PAIRS = "; if one is the translation of the other: --task translate"


def group_names(source: Source, settings: ClassifyDataSettings, examples: Examples, column: str) -> list[str]:
    """What a column says of each example. Errors: DataError if there is no such column; UsageError for no table"""
    if source.kind != "table":
        raise UsageError(f"groups are named by a column, but these data are not a table: {source.why}")
    found: dict[tuple[Path, int], str] = {}
    for path in source.files.values():
        table = read_table(path, encoding=settings.encoding, columns=[column])
        found |= {(table.path, line): name for line, name in zip(table.lines, table.columns[column], strict=True)}
    return [found[item.file, item.line] for item in examples.items]


@in_memory
def read_examples(
    source: Source, settings: ClassifyDataSettings, folder: Path | None = None
) -> Examples | dict[str, Examples]:
    """The labelled texts of a source, by part where the source has parts. folder: see from_table. Errors: DataError"""
    if source.kind == "labels":
        return reading.from_files(source.files, encoding=settings.encoding)
    encoding = settings.encoding
    if source.kind == "labelled":
        parts = {part: path for part, path in source.files.items() if not part.endswith(LABELS)}
        pairs = {part: reading.from_pair(path, source.files[part + LABELS], encoding) for part, path in parts.items()}
        return pairs.get("all", pairs)
    text, label = columns_of(source, settings)
    if source.files.keys() == {"all"}:
        path = source.files["all"]
        if settings.split_column is not None:
            return reading.from_table(
                path, text=text, label=label, encoding=encoding, split_column=settings.split_column, folder=folder
            )
        return reading.from_table(path, text=text, label=label, encoding=encoding, folder=folder)
    return {
        part: reading.from_table(path, text=text, label=label, encoding=encoding, folder=folder)
        for part, path in source.files.items()
    }


def columns_of(source: Source, settings: ClassifyDataSettings) -> tuple[str, str]:
    """The text and label columns: as set, or by their usual names where that leaves no doubt.

    Errors: DataError
    """
    if settings.text is not None and settings.label is not None:
        return settings.text, settings.label
    path = next(iter(source.files.values()))
    there = column_names(path, encoding=settings.encoding)
    found: dict[str, str] = {}
    for role, asked, usual in (("text", settings.text, TEXT_COLUMNS), ("label", settings.label, LABEL_COLUMNS)):
        taken = (found.get("text"), settings.label if role == "text" else None)
        likely = [asked] if asked is not None else [c for c in there if c.lower() in usual and c not in taken]
        if not likely:
            both = role == "text" and settings.label is None and not any(c.lower() in LABEL_COLUMNS for c in there)
            raise DataError(
                f"no column is named like a {role} usually is; there are {listed(there)}",
                remedy=f"name it with --{role} COLUMN"
                + (f", and the labels with --label COLUMN{_PAIRS if len(there) == 2 else ''}" if both else ""),
                file=path,
                line=1,
            )
        found[role] = min(likely, key=lambda c: usual.index(c.lower()) if c.lower() in usual else -1)
    return found["text"], found["label"]
