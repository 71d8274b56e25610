"""How long it takes to write a network with all that a run goes on from, and what is left out for want of time."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recurra.api.setup import Setup
from recurra.errors import DataError
from recurra.report.numbers import write_seconds
from recurra.training.evaluation import BARE, SPEED, WRITTEN, writing

MOST_WRITING = 0.25
"""Of the time for training: what writing may take after the last step."""
MEASURED_FROM = 1 << 23
"""Weights from which on it is worth to measure how fast they are written."""
TWICE, STATES = 2, 4
"""Times that a run is on the disk while a newer one is written beside it; of each weight that learns what it goes on
from: as it stands, two numbers of the optimizer, and an average. By the clock these may be left out."""
PIECE, PIECES = 1 << 22, 6
"""Bytes that are written at a time to measure that, and how often."""


@dataclass(frozen=True)
class Writing:
    """How a run is written. seconds: that it takes once; bare: without what it could go on from; notes: for people"""

    seconds: float
    bare: bool = False
    notes: Sequence[str] = ()


def writing_within(setup: Setup, minutes: float | None, folder: Path, *, resumed: bool = False) -> Writing:
    """How a run of so many minutes of training is written: bare if it would take too much of them otherwise.

    resumed: whether it goes on from a state, and is to be gone on with again
    """
    seconds = math.inf if minutes is None else 60 * minutes
    weights = sum(weight.numel() for weight in setup.network.parameters())
    speed = SPEED if weights < MEASURED_FROM or minutes is None else writing_speed(folder)
    takes = writing(weights, speed)
    if WRITTEN * takes <= MOST_WRITING * seconds:
        return Writing(takes)
    bare, more = writing(weights, speed, each=BARE), "give more minutes, or a smaller vocabulary or --hidden-size"
    cost = f"{weights:,} weights with all that a run goes on from take about {write_seconds(WRITTEN * takes)} to write"
    allowed = f"of {write_seconds(seconds)} for training"
    if resumed:
        return Writing(takes, notes=[f"{cost} {allowed}: the minutes may not hold; {more}"])
    notes = [f"{cost} {allowed}, so the weights alone are kept: this run cannot be resumed; {more}"]
    if WRITTEN * bare > MOST_WRITING * seconds:
        notes.append(f"even these take about {write_seconds(WRITTEN * bare)} to write: the minutes may not hold")
    return Writing(bare, True, notes)


def check_room(setup: Setup, folder: Path) -> None:
    """Errors: DataError if the disk is too small for the run, before any of its training"""
    minutes = setup.dataset.settings.training.minutes
    weights = sum(weight.numel() for weight in setup.network.parameters())
    learned = sum(weight.numel() for weight in setup.network.parameters() if weight.requires_grad)
    needed = TWICE * (4 * weights + (STATES * 4 * learned if minutes is None else 0))
    there = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.is_dir())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise DataError(
            f"the run needs about {needed / 1e6:,.0f} MB while it is written, for {weights:,} weights, and "
            f"{free / 1e6:,.0f} MB are free there",
            remedy="make room, or give --out a folder on a larger disk",
            file=folder,
        )


def writing_speed(folder: Path) -> float:
    """Bytes a second that a file gets onto the disk where the folder is to be, its hash taken, here and now."""
    there = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.is_dir())
    piece, found = os.urandom(PIECE), hashlib.sha256()
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            begun = time.perf_counter()
            for _ in range(PIECES):
                file.write(piece)
                found.update(piece)
            file.flush()
            os.fsync(file.fileno())
            return PIECES * PIECE / (time.perf_counter() - begun)
    except OSError:  # the folder cannot be written: that is said with its reason where it is
        return SPEED
