"""Samples without a head, as a microphone gives them."""

from __future__ import annotations

from typing import Literal

import numpy as np

from recurra.data.sound.recording import Samples
from recurra.errors import UnknownNameError, UsageError

SampleFormat = Literal["u8", "s16", "s24", "s32", "f32"]
WIDTHS: dict[str, int] = {"u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4}
"""Bytes of a sample, the lowest first."""


class PcmReader:
    """Bytes in pieces of any size to samples from -1 to 1, the mean of `channels` that stand beside each other.

    Errors: UnknownNameError, UsageError
    """

    def __init__(self, sample_format: str = "s16", channels: int = 1) -> None:
        if sample_format not in WIDTHS:
            raise UnknownNameError("sample format", sample_format, WIDTHS)
        if not 1 <= channels <= 1024:
            raise UsageError(f"channels must be 1 to 1024, got {channels}")
        self.format, self.channels = sample_format, channels
        self._left = b""

    @property
    def width(self) -> int:
        """Bytes of all channels at a moment."""
        return WIDTHS[self.format] * self.channels

    def push(self, content: bytes) -> Samples:
        """The samples that are whole now; what remains waits for the next piece."""
        content = self._left + content
        whole = len(content) // self.width * self.width
        self._left = content[whole:]
        found = _numbers(content[:whole], self.format).reshape(-1, self.channels)
        return found[:, 0] if self.channels == 1 else found.mean(1, dtype=np.float64).astype(np.float32)


def _numbers(content: bytes, sample_format: str) -> Samples:
    match sample_format:
        case "u8":
            return (np.frombuffer(content, np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
        case "s16":
            return np.frombuffer(content, "<i2").astype(np.float32) / np.float32(32768)
        case "s24":
            bytes_of = np.frombuffer(content, np.uint8).reshape(-1, 3)
            padded = np.concatenate([np.zeros((len(bytes_of), 1), np.uint8), bytes_of], 1)
            return (np.ascontiguousarray(padded).view("<i4")[:, 0] / 2147483648).astype(np.float32)
        case "s32":
            return (np.frombuffer(content, "<i4") / 2147483648).astype(np.float32)
        case _:
            return np.frombuffer(content, "<f4").copy()
