"""Sequences of numbers read from files: .ts and .arff files, tables with a row a frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recurra.data.files.tables import KINDS
from recurra.data.frames.archive import read_archive_frames
from recurra.data.frames.arff import read_arff_frames
from recurra.data.frames.sequences import Frames, Recordings, joined
from recurra.data.frames.table import Columns, Reading, read_table_frames
from recurra.data.splits import PART_NAMES, PARTS
from recurra.errors import DataError, listed, quoted
from recurra.tasks.sequences.settings import SequenceSettings
from recurra.tasks.sources.file_names import ending
from recurra.tasks.sources.source import Source


def how_to_read(settings: SequenceSettings, *, labelled: bool = True) -> Reading:
    """What the settings say of tables."""
    columns = Columns(
        settings.id, settings.label, settings.time, settings.group, settings.split_column, settings.channels
    )
    return Reading(
        columns,
        encoding=settings.encoding,
        decimal=settings.decimal,
        thousands=settings.thousands,
        sort=settings.sort,
        labelled=labelled,
    )


def read_file(path: Path, settings: SequenceSettings, *, labelled: bool = True) -> Recordings:
    """The sequences of a .ts or .arff file or a table. Errors: DataError with file and line"""
    if ending(path) == ".ts":
        return read_archive_frames(path, encoding=settings.encoding, labelled=labelled)
    if ending(path) == ".arff":
        return read_arff_frames(path, how_to_read(settings, labelled=labelled))
    if ending(path) not in KINDS:
        raise DataError(
            "frames are read from .ts and .arff files and tables",
            remedy=f"there are .ts, .arff, {', '.join(KINDS)}",
            file=path,
        )
    return read_table_frames(path, how_to_read(settings, labelled=labelled))


def read_files(source: Source, settings: SequenceSettings) -> dict[str, Recordings]:
    """By part, or all of a source under "all". Errors: DataError"""
    if set(source.files) <= set(PARTS):
        return {part: read_file(path, settings) for part, path in source.files.items()}
    found = joined([read_file(path, settings) for path in source.files.values()])
    if settings.split_column is None:
        return {"all": found}
    return by_column(found, settings.split_column, source)


def by_column(found: Recordings, column: str, source: Source) -> dict[str, Recordings]:
    """By the part that a column says. Errors: DataError for a cell that names none, and without a training part"""
    parts: dict[str, list[Frames]] = {}
    for one in found.sequences:
        part = PART_NAMES.get(one.part.lower())
        if part is None:
            raise DataError(
                f"{quoted(one.part, 40)} in the column {quoted(column)} names no part",
                remedy=f"they are called {', '.join(PARTS)}",
                file=one.file,
                line=one.line,
            )
        parts.setdefault(part, []).append(one)
    if "train" not in parts:
        raise DataError(f"no row is of the train part, only of {listed(parts)}", file=next(iter(source.files.values())))
    return {part: replace(found, sequences=sequences) for part, sequences in parts.items()}
