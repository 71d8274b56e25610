"""Running text for a language model, out of files that hold it in another form: poems, a column of a table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from recurra.data.datasets.download import cache_folder
from recurra.data.files.poems import read_poems
from recurra.data.files.sources import sha256
from recurra.data.files.tables import column_names, read_table
from recurra.data.files.text import read_text
from recurra.data.files.whole import write_whole
from recurra.data.splits import PARTS, check_fractions
from recurra.data.twins import Form, form_of
from recurra.errors import DataError
from recurra.tasks.settings import TextSettings
from recurra.tasks.sources.source import Source

FORMAT = 2
"""Part of every derived file's name: a change of how they are written starts new ones."""


def running_text(source: Source, settings: TextSettings) -> Path | dict[str, Path]:
    """The text files of a source: one, or one for each part.

    Several texts are divided one by one, at the end of a line, and joined part by part in the order of their names.
    Poems and the rows of a table become lines of a file in the cache, each that differs to the network once, in an
    order that a fixed seed shuffled, so that a text which is cut by position has parts of a kind.
    Errors: DataError for files that cannot be read; UsageError for a table whose text column is not named
    """
    if source.kind == "text":
        return source.files["all"] if source.files.keys() == {"all"} else dict(source.files)
    if source.kind == "texts":
        return _joined(list(source.files.values()), settings)
    if set(source.files) <= set(PARTS):
        return {part: _derived(source, [path], settings) for part, path in source.files.items()}
    return _derived(source, list(source.files.values()), settings)


def cut(text: str, shares: tuple[float, float, float]) -> dict[str, str]:
    """The parts that have a share, cut by characters, at the line end before if the line began in that part."""
    edges, total = [0], 0.0
    for share in shares[:2]:
        total += share
        place = len(text) if total > 1 - 1e-6 else int(len(text) * total)
        start = text.rfind("\n", edges[-1], place) + 1
        edges.append(start if start and place < len(text) else place)
    edges.append(len(text))
    return {part: text[edges[i] : edges[i + 1]] for i, part in enumerate(PARTS) if shares[i]}


def _joined(paths: list[Path], settings: TextSettings) -> dict[str, Path]:
    shares = check_fractions(settings.split)
    key = json.dumps([FORMAT, "texts", settings.encoding, shares, [sha256(path) for path in paths]])
    stem = hashlib.sha256(key.encode()).hexdigest()[:32]
    folder = cache_folder() / "texts"
    targets = {part: folder / f"{stem}.{part}.txt" for part, share in zip(PARTS, shares, strict=True) if share}
    if not all(target.is_file() for target in targets.values()):
        divided = [cut(read_text(path, settings.encoding), shares) for path in paths]
        for part, target in targets.items():
            texts = [found[part] for found in divided]
            _replace(target, "".join(text if text.endswith("\n") else f"{text}\n" for text in texts if text))
    return targets


def _derived(source: Source, paths: list[Path], settings: TextSettings) -> Path:
    column = None if source.kind == "poems" else _column(paths[0], settings)
    level = settings.level or "char"
    read = [level, settings.normalize, settings.word_split if level == "word" else None]
    key = json.dumps([FORMAT, source.kind, column, settings.encoding, read, [sha256(path) for path in paths]])
    target = cache_folder() / "texts" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.txt"
    if not target.is_file():
        lines = [line for path in paths for line in _lines(path, column, settings.encoding)]
        form = form_of(level=level, normalize_by=settings.normalize, split=settings.word_split)
        _write(target, lines, form)
    return target


def _lines(path: Path, column: str | None, encoding: str) -> Iterable[str]:
    if column is None:
        return read_poems(path, encoding)
    cells = read_table(path, encoding=encoding, columns=[column]).columns[column]
    return [line for cell in cells if (line := " ".join(cell.split()))]


def _column(path: Path, settings: TextSettings) -> str:
    if settings.text is not None:
        return settings.text
    there = column_names(path, encoding=settings.encoding)
    if len(there) == 1:
        return there[0]
    raise DataError(
        f"which column is the text? there are {', '.join(there[:20])}", remedy="name it, as in --text COLUMN", file=path
    )


def _write(target: Path, lines: list[str], form: Form) -> None:
    first: dict[str, str] = {}
    for line in lines:
        first.setdefault(form(line), line)
    distinct = list(first.values())
    order = np.random.default_rng(0).permutation(len(distinct))
    _replace(target, "".join(f"{distinct[i]}\n" for i in order))


def _replace(target: Path, text: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, text.encode("utf-8"))
    except OSError as error:
        raise DataError(
            f"the cache cannot be written to: {error.strerror or error}",
            remedy="set RECURRA_CACHE to a folder with room that can",
            file=target.parent,
        ) from error
