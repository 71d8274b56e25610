"""Labelled sequences of .ts files (UEA archive; sktime, aeon)."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from recurra.data.files.text import iter_lines
from recurra.data.frames.sequences import Frames, Recordings
from recurra.data.series.archives import read_labelled
from recurra.errors import DataError

HEADER = 200
"""Lines that may stand before @data."""


def is_labelled_archive(path: Path) -> bool:
    """Whether a .ts file says that its series have class labels. What cannot be read has none; who reads it tells."""
    try:
        for line in islice(iter_lines(path, "utf-8"), HEADER):
            words = line.strip().lower().split()
            if words[:2] == ["@classlabel", "true"]:
                return True
            if words[:1] == ["@data"]:
                return False
    except DataError:
        return False
    return False


def read_archive_frames(path: Path, *, encoding: str = "utf-8", labelled: bool = True) -> Recordings:
    """The series of a .ts file with their labels, each a sequence; its dimensions are the channels.

    Errors: DataError with line, also for a file without class labels and for a label that its header does not name
    """
    panel, labels = read_labelled(path, encoding=encoding)
    if not labels and labelled:
        raise DataError(
            "these series have no class labels", remedy="learn to forecast them: --task forecast", file=path
        )
    sequences = [
        Frames(series.name, series.target, (label,) if labelled else (), file=path, line=series.line)
        for series, label in zip(panel.series, labels or [""] * len(panel), strict=True)
    ]
    return Recordings(sequences, panel.columns.target)
