"""soundfile and soxr, where they are needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from recurra.errors import UsageError

ENDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".au", ".caf", ".w64", ".rf64")
"""Of files that are taken for recordings."""


def soundfile() -> ModuleType:
    """Errors: UsageError if it is not installed"""
    return _needed("soundfile", "sound is read")


def soxr() -> ModuleType:
    """Errors: UsageError if it is not installed"""
    return _needed("soxr", "sound of another rate is resampled")


def _needed(name: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: soundfile without its libsndfile
        raise UsageError(
            f"{what} with the package {name}, which is not installed\ninstall it with: pip install soundfile soxr"
        ) from error
