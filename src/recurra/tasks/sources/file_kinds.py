"""What a file is, by its name and, where that says nothing, by its first bytes."""

from __future__ import annotations

from pathlib import Path

from recurra.data.captions.reading import looks_like_captions
from recurra.data.files.labelled_lines import is_labelled
from recurra.data.files.sources import read_blocks
from recurra.data.frames.archive import is_labelled_archive
from recurra.data.frames.table import looks_like_frames
from recurra.data.series.looking import looks_like_series
from recurra.data.tagged.looking import looks_tagged
from recurra.tasks.sources.file_names import FRAMES, JSON, NAMED_SO, SERIES, TABLES, TAGGED, TEXTS, TUNES, ending


def is_columns(path: Path) -> bool:
    """Whether it holds tagged tokens in columns, though its name does not say so."""
    kind = ending(path)
    return (kind in TEXTS or kind not in NAMED_SO) and looks_tagged(path)


def is_poems(path: Path) -> bool:
    """Whether it holds poems in JSON: objects with `paragraphs`."""
    if ending(path) not in JSON:
        return False
    before = b""
    for block in read_blocks(path):
        bare = block.replace(b"\0", b"")  # of UTF-16
        if b'"paragraphs"' in before + bare:
            return True
        before = bare[-12:]
    return False


def is_table(path: Path) -> bool:
    """Whether it holds rows with columns, or lines that begin with their label as fastText has them."""
    kind = ending(path)
    if kind in TABLES or (kind in JSON and not is_poems(path)):
        return True
    return kind not in (*TAGGED, *TUNES, *JSON) and is_labelled(path)


def is_text(path: Path) -> bool:
    """Whether its name says that it is text, and it does not begin with a label."""
    return ending(path) in TEXTS and not is_labelled(path)


def is_series(path: Path) -> bool:
    """Whether it holds series over time: an archive of them, or a table of times and numbers, without texts."""
    return ending(path) in SERIES or (ending(path) in TABLES and looks_like_series(path))


def is_frames(path: Path) -> bool:
    """Whether it holds labelled sequences of frames: a .ts file with classes, an .arff file, or such a table."""
    if ending(path) == ".ts":
        return is_labelled_archive(path)
    if ending(path) in FRAMES:
        return True
    return ending(path) in TABLES and looks_like_frames(path)


def is_captions(path: Path) -> bool:
    """Whether it says what pictures show."""
    return looks_like_captions(path)
