"""What is heard of recordings: samples and frames, kept for the next run by the content of all files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from recurra.data.datasets.download import cache_folder, unwritable
from recurra.data.files.sources import sha256
from recurra.data.files.whole import write_whole
from recurra.data.sound.recording import Samples, read_recording
from recurra.tasks.sequences.sound.log_mel import Float32, LogMel

VERSION = 1
"""Of what is kept: a change of how recordings are read or heard starts anew."""
FEWEST = 100
"""Recordings that are worth keeping."""
MOST_BYTES = 1 << 30
"""Of what is kept of a set of recordings; of a larger one nothing is."""


@dataclass(frozen=True)
class Heard:
    """A recording. samples: [N], without its trimmed ends; frames: [T, mels]; seconds: of all of it; channels,
    file_rate: as its file has them
    """

    samples: Samples
    frames: Float32
    seconds: float
    channels: int
    file_rate: int


def heard(paths: Sequence[Path], sound: LogMel) -> list[Heard]:
    """Each recording, from the cache if all files are what they were. Errors: DataError as `read_recording`

    A file that has changed, one more or one less, or another setting of the frames has another name there.
    """
    if len(paths) < FEWEST:
        return [hear(path, sound) for path in paths]
    what = [VERSION, sound.to_json(), [sha256(path) for path in paths]]
    name = hashlib.sha256(json.dumps(what).encode()).hexdigest()
    place = cache_folder() / "features" / f"sound-{name[:40]}.safetensors"
    found = _kept(place, len(paths), sound)
    if found is None:
        found = [hear(path, sound) for path in paths]
        if sum(one.samples.nbytes + one.frames.nbytes for one in found) <= MOST_BYTES:
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                write_whole(place, _written(found))
            except OSError as error:
                raise unwritable(place, error) from error
    return found


def hear(path: Path, sound: LogMel) -> Heard:
    """One recording. Errors: DataError"""
    recording = read_recording(path, sound.rate)
    samples = sound.trimmed(recording.samples)
    return Heard(samples, sound.of(samples), recording.seconds, recording.channels, recording.file_rate)


def _written(found: Sequence[Heard]) -> bytes:
    facts = np.array(
        [(len(one.samples), len(one.frames), one.channels, one.file_rate, round(1e6 * one.seconds)) for one in found],
        np.int64,
    )
    made: bytes = save(
        {
            "samples": np.concatenate([one.samples for one in found]),
            "frames": np.concatenate([one.frames for one in found]),
            "facts": facts,
        }
    )
    return made


def _kept(place: Path, count: int, sound: LogMel) -> list[Heard] | None:
    """What stands there; None if there is nothing, or nothing whole."""
    try:
        stored = load_file(place)
        samples, frames, facts = stored["samples"], stored["frames"], stored["facts"]
    except (OSError, SafetensorError, KeyError):
        return None
    if facts.shape != (count, 5) or frames.shape != (facts[:, 1].sum(), sound.mels):
        return None
    if samples.shape != (facts[:, 0].sum(),):
        return None
    ends = np.cumsum(facts[:, :2], 0)
    return [
        Heard(samples[a - n : a], frames[b - t : b], micro / 1e6, channels, rate)
        for (a, b), (n, t, channels, rate, micro) in zip(ends.tolist(), facts.tolist(), strict=True)
    ]
