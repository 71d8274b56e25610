"""A recording as one channel of samples at one rate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.sound.libraries import ENDINGS, soundfile, soxr
from recurra.errors import DataError, shortened

Samples = npt.NDArray[np.float32]

LOWEST, HIGHEST = 1_000, 384_000
"""Rates that are read. Units: samples a second"""
LONGEST = 1 << 31
"""Samples of a recording over all channels, at most: 8 GB of memory."""
UNKNOWN_LENGTH = (0x7FFFFFFF, 0xFFFFFFFF)
"""What programs that write to a pipe say of the bytes of a WAV: they do not know."""


@dataclass(frozen=True)
class Recording:
    """samples: [N], the mean of all channels, from -1 to 1 unless the file says otherwise; rate: samples a second;
    channels, file_rate: as the file has them"""

    samples: Samples
    rate: int
    channels: int
    file_rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


def rate_of(path: Path) -> int:
    """Samples a second, as the file's head says. Errors: DataError"""
    with _opened(path) as file:
        return int(file.samplerate)


def read_recording(path: Path, rate: int | None = None) -> Recording:
    """WAV (8 to 32 bits, float), FLAC, Ogg and what else libsndfile reads. rate: resampled to it; None: as it is

    Errors: DataError for a file that cannot be read, ends early, is empty, has a value that is not a number, or a rate
    out of bounds; UsageError without the packages
    """
    with _opened(path) as file:
        if not LOWEST <= file.samplerate <= HIGHEST:
            raise DataError(
                f"a rate of {file.samplerate:,} samples a second lies outside of {LOWEST:,} to {HIGHEST:,}",
                remedy="is its head damaged? resample it",
                file=path,
            )
        _check_whole(path, file)
        found = _samples(path, file)
        channels, own = int(file.channels), int(file.samplerate)
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        sample, channel = bad[0].tolist()
        raise DataError(
            f"sample {sample + 1:,}{f' of channel {channel + 1}' if channels > 1 else ''}, at {sample / own:.3f} s, is "
            f"{found[sample, channel]}; {len(bad):,} are no numbers",
            remedy="repair the file, or leave it out",
            file=path,
        )
    mono = found[:, 0] if channels == 1 else found.mean(1, dtype=np.float64).astype(np.float32)
    if rate is not None and rate != own:
        mono = resampled(mono, own, rate)
    return Recording(np.ascontiguousarray(mono), rate or own, channels, own)


def blocks(path: Path, size: int) -> Iterator[Samples]:
    """A recording in pieces of so many samples, the mean of its channels. Errors: as `read_recording`"""
    read = 0
    with _opened(path) as file:
        _check_whole(path, file)
        while len(found := _read(path, file, size)):
            mono = found[:, 0] if file.channels == 1 else found.mean(1, dtype=np.float64).astype(np.float32)
            if not np.isfinite(mono).all():
                place = read + int((~np.isfinite(mono)).argmax())
                raise DataError(
                    f"sample {place + 1:,}, at {place / file.samplerate:.3f} s, is no number",
                    remedy="repair the file",
                    file=path,
                )
            read += len(found)
            yield np.ascontiguousarray(mono)
    if not read:
        raise DataError("there is no sound in this file: 0 samples", remedy="leave it out", file=path)


def resampled(samples: Samples, rate: int, to: int) -> Samples:
    """At another rate, without what the new one cannot hold. Errors: UsageError without soxr"""
    return np.asarray(soxr().resample(samples, rate, to), np.float32)


def is_recording(path: Path) -> bool:
    """Whether its name says so."""
    return path.suffix.lower() in ENDINGS


def _opened(path: Path) -> Any:
    module = soundfile()
    try:
        if not path.is_file():
            raise DataError("no such file" if not path.exists() else "this is no file", file=path)
        if not path.stat().st_size:
            raise DataError("this file is empty", remedy="record it again, or leave it out", file=path)
        return module.SoundFile(path)
    except (module.LibsndfileError, TypeError, OSError) as error:  # TypeError: headerless, by its name
        raise DataError(
            f"cannot be read as sound: {_reason(error)}",
            remedy="write it as WAV or FLAC, or leave it out",
            file=path,
        ) from error


def _samples(path: Path, file: Any) -> Samples:
    """[N, channels]"""
    if file.frames * file.channels > LONGEST:
        raise DataError(
            f"{file.frames:,} samples of {file.channels} channels are too many to hold",
            remedy="cut it into shorter recordings",
            file=path,
        )
    found = _read(path, file, -1)
    if not len(found):
        raise DataError("there is no sound in this file: 0 samples", remedy="leave it out", file=path)
    return found


def _read(path: Path, file: Any, count: int) -> Samples:
    try:
        found: Samples = file.read(count, dtype="float32", always_2d=True)
    except soundfile().LibsndfileError as error:
        raise DataError(
            f"cannot be read to its end: {_reason(error)}",
            remedy="it may be cut off: get it again, or leave it out",
            file=path,
        ) from error
    return found


def _check_whole(path: Path, file: Any) -> None:
    """What the head of a WAV says beside what is there, as libsndfile tells it."""
    sizes = re.search(r"^\s*data : (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    if sizes is None or int(sizes[1]) in UNKNOWN_LENGTH or int(sizes[1]) <= int(sizes[2]):
        return
    raise DataError(
        f"it is cut off: its head says {int(sizes[1]):,} bytes of sound, {int(sizes[2]):,} are there",
        remedy="get it again, or write what is there as a new file",
        file=path,
    )


def _reason(error: Exception) -> str:
    said = str(error).rpartition("': ")[2] or str(error)
    return shortened(said.strip().rstrip("."), 120)
