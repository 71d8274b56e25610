"""Sound cut into frames as it arrives."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.data.sound.libraries import soxr
from recurra.data.sound.recording import HIGHEST, LOWEST, Samples
from recurra.errors import UsageError
from recurra.tasks.sequences.sound.log_mel import Float32, LogMel

FEW = 8
"""Frames for which NumPy is faster than torch."""


class FrameCutter:
    """Samples in pieces of any size to the frames of the whole. rate: of the samples, that of the frames if None

    Errors: UsageError for a rate out of bounds
    """

    def __init__(self, sound: LogMel, rate: int | None = None) -> None:
        self.sound, self.rate = sound, sound.rate if rate is None else rate
        if isinstance(self.rate, bool) or not isinstance(self.rate, int) or not LOWEST <= self.rate <= HIGHEST:
            raise UsageError(f"rate must be a whole number of samples a second from {LOWEST} to {HIGHEST}, got {rate}")
        self._left: Samples = np.zeros(0, np.float32)
        self._any = self._ended = False
        self._resampling: Any = None
        if self.rate != sound.rate:
            self._resampling = soxr().ResampleStream(self.rate, sound.rate, 1, dtype="float32")

    def push(self, samples: Samples) -> Float32:
        """The frames that are whole now. [N] -> [T, mels], T perhaps 0"""
        return self._cut(self._resampled(samples, last=False))

    def end(self) -> Float32:
        """The last frames, after the last sample."""
        self._ended = True
        found = self._cut(self._resampled(np.zeros(0, np.float32), last=True))
        if self._any or not len(self._left):
            return found
        return self.sound.of(self._left)  # shorter than a frame, as `LogMel.of` has it

    def _resampled(self, samples: Samples, *, last: bool) -> Samples:
        if self._resampling is None:
            return samples
        return np.asarray(self._resampling.resample_chunk(samples, last=last), np.float32)

    def _cut(self, samples: Samples) -> Float32:
        self._left = np.concatenate([self._left, samples])
        if len(self._left) < self.sound.frame:
            return np.zeros((0, self.sound.mels), np.float32)
        count = self.sound.count(len(self._left))
        whole = self._left[: (count - 1) * self.sound.hop + self.sound.frame]
        found = self.sound.few(whole) if count <= FEW else self.sound.of(whole)
        self._left, self._any = self._left[count * self.sound.hop :], True
        return found
