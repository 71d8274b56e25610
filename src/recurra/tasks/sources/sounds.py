"""Folders and tables of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recurra.data.files.trees import files_below
from recurra.data.sound.listing import lists_events, lists_recordings
from recurra.data.sound.recording import is_recording

LOOKED_AT = 1000
"""Files of a folder's folders among which a recording is looked for."""


def holds_recordings(folder: Path, files: Sequence[Path]) -> bool:
    """Whether recordings lie in a folder, or in its folders where it has no files itself."""
    if files:
        return any(is_recording(path) for path in files)
    return any(is_recording(path) for path, _ in zip(files_below(folder), range(LOOKED_AT), strict=False))


def lists_labels(path: Path) -> bool:
    """Whether a table lists recordings with a label each."""
    return lists_recordings(path) and not lists_events(path)


def lists_what_happens(path: Path) -> bool:
    """Whether a table lists recordings, and when in them what has a label."""
    return lists_recordings(path) and lists_events(path)
