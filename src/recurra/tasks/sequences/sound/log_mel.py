"""Sound to frames: the logarithm of the energies in bands of the mel scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from recurra.data.files.checked import Exact, checked
from recurra.errors import UsageError

Float32 = npt.NDArray[np.float32]

FLOOR = 1e-8
"""Added to energies before the logarithm: 80 dB below a full scale, so that silence is a number."""
LOWEST_HZ = 20.0
FEWEST, MOST_SAMPLES = 16, 1 << 20
"""Samples of a frame."""
BLOCK = 1 << 15
"""Frames that are transformed at once."""


class _Stored(Exact):
    rate: Annotated[int, Field(ge=1_000, le=384_000)]
    frame_ms: Annotated[float, Field(gt=0, le=10_000)]
    hop_ms: Annotated[float, Field(gt=0, le=10_000)]
    mels: Annotated[int, Field(ge=1, le=512)]
    trim_db: Annotated[float, Field(gt=0, le=200)] | None = None
    floor_db: Annotated[float, Field(gt=0, le=200)] | None = None


@dataclass(frozen=True)
class LogMel:
    """Frames of `frame_ms` every `hop_ms`, from the first sample on, none past the last one.

    trim_db: what is softer than the loudest frame by more than this is left out at the beginning and the end; floor_db:
    energy that is added to all bands, so far below that of the loudest frame. Both need the whole recording.
    Maths:   X = STFT of x with a Hann window w;  P = |X|^2 / sum(w^2);  y = log(P M + f + 1e-8)
             M: `mels` triangles from 20 Hz to rate / 2, equal in mel(f) = 2595 log10(1 + f / 700), the sum of each 1
             f = 10^(-floor_db / 10) max_t mean_i (P M)_ti, 0 without floor_db
    Units:   y in nats of energy, rate in samples a second
    Source:  Davis & Mermelstein 1980; mel(f) of O'Shaughnessy 1987 (as in HTK)
    """

    rate: int
    frame_ms: float = 25.0
    hop_ms: float = 10.0
    mels: int = 40
    trim_db: float | None = None
    floor_db: float | None = None

    def __post_init__(self) -> None:
        if not FEWEST <= self.frame <= MOST_SAMPLES:
            raise UsageError(
                f"frame_ms={self.frame_ms:g} is {self.frame:,} samples at {self.rate:,} a second; a frame has {FEWEST} "
                f"to {MOST_SAMPLES:,}"
            )
        if not 1 <= self.hop <= self.frame:
            raise UsageError(
                f"hop_ms={self.hop_ms:g} is {self.hop:,} samples; frames of {self.frame:,} samples start 1 to "
                f"{self.frame:,} after each other"
            )
        if self.mels > self.size // 4:
            raise UsageError(f"mels={self.mels} are too many for frames of {self.frame} samples; give {self.size // 4}")

    @cached_property
    def frame(self) -> int:
        """Samples of a frame."""
        return round(self.rate * self.frame_ms / 1000)

    @cached_property
    def hop(self) -> int:
        """Samples from the start of a frame to that of the next one."""
        return round(self.rate * self.hop_ms / 1000)

    @cached_property
    def size(self) -> int:
        """Of the Fourier transform: a power of two, twice the frame or more, so that low bands have several lines."""
        return 1 << math.ceil(math.log2(2 * self.frame))

    @property
    def seconds(self) -> float:
        """From a frame to the next one."""
        return self.hop / self.rate

    @property
    def channels(self) -> tuple[str, ...]:
        """What the numbers of a frame are called."""
        return tuple(f"mel {band}" for band in range(1, self.mels + 1))

    def count(self, samples: int) -> int:
        """Frames of so many samples; one of fewer than a frame has, which then end in silence."""
        return 1 + max(0, samples - self.frame) // self.hop

    def middle(self, frame: int) -> float:
        """Where the middle of a frame is. Units: seconds"""
        return (frame * self.hop + self.frame / 2) / self.rate

    def of(self, samples: npt.NDArray[np.floating]) -> Float32:
        """[N] -> [T, mels]"""
        return np.asarray(self.bands(self.power(torch.from_numpy(np.asarray(samples, np.float32)))).numpy(), np.float32)

    def trimmed(self, samples: Float32) -> Float32:
        """What is left of a recording at its beginning and its end; it all without `trim_db`. [N] -> [N']"""
        if self.trim_db is None or len(samples) <= self.frame:
            return samples
        energy = self.power(torch.from_numpy(np.asarray(samples, np.float32))).sum(1).numpy()
        loud = np.flatnonzero(energy >= energy.max() * 10 ** (-self.trim_db / 10))
        return samples[loud[0] * self.hop : loud[-1] * self.hop + self.frame]

    @property
    def whole(self) -> str | None:
        """The setting that needs the whole of a recording, None if there is none."""
        return next((name for name in ("trim_db", "floor_db") if getattr(self, name) is not None), None)

    def few(self, samples: Float32) -> Float32:
        """As `of`, of a few whole frames: NumPy is there sooner than torch. [N] -> [T, mels]"""
        frames = np.lib.stride_tricks.sliding_window_view(samples, self.frame)[:: self.hop]
        found = np.fft.rfft(frames * self._taper, self.size)
        power = np.square(found.real) + np.square(found.imag)
        return np.asarray(np.log(power @ self._bands + np.float32(FLOOR)), np.float32)

    def power(self, samples: Tensor) -> Tensor:
        """[N] -> energies at each frequency [T, size / 2 + 1]"""
        if len(samples) < self.frame:
            samples = torch.nn.functional.pad(samples, (0, self.frame - len(samples)))
        blocks = self._blocks(len(samples))
        if len(blocks) == 1:
            return self._power(samples[: blocks[0][1]])
        return torch.cat([self._power(samples[a:b]) for a, b in blocks])

    def _blocks(self, samples: int) -> list[tuple[int, int]]:
        count = self.count(samples)
        return [
            (start * self.hop, (min(start + BLOCK, count) - 1) * self.hop + self.frame)
            for start in range(0, count, BLOCK)
        ]

    def _power(self, samples: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(samples, (0, self.size - self.frame))
        found = torch.stft(
            padded, self.size, self.hop, window=self._window, center=False, onesided=True, return_complex=True
        )
        return torch.view_as_real(found).square().sum(-1).T

    def bands(self, power: Tensor, warp: float = 1.0) -> Tensor:
        """[T, size / 2 + 1] -> [T, mels]. warp: of all pitches, for which the bands are moved down as much"""
        found = power @ filters(self.rate, self.size, self.mels, warp)
        if self.floor_db is not None:
            found = found + found.mean(1).max() * 10 ** (-self.floor_db / 10)
        return (found + FLOOR).log()

    @cached_property
    def _window(self) -> Tensor:
        """[size], of energy 1, zeros after the frame: where a frame stands in them changes phases alone."""
        window = torch.hann_window(self.frame, periodic=False)
        return torch.nn.functional.pad(window / window.square().sum().sqrt(), (0, self.size - self.frame))

    @property
    def window(self) -> Tensor:
        """[frame], of energy 1"""
        return self._window[: self.frame]

    @cached_property
    def _taper(self) -> Float32:
        return np.asarray(self.window.numpy(), np.float32)

    @cached_property
    def _bands(self) -> Float32:
        return np.asarray(filters(self.rate, self.size, self.mels).numpy(), np.float32)

    def to_json(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in ("trim_db", "floor_db")}
        return {"rate": self.rate, "frame_ms": self.frame_ms, "hop_ms": self.hop_ms, "mels": self.mels} | {
            name: value for name, value in given.items() if value is not None
        }

    @classmethod
    def from_json(cls, found: Any) -> LogMel:
        """Errors: DataError, UsageError"""
        return cls(**checked(_Stored, found, "preprocessing.json").model_dump())


def centres(rate: int, mels: int) -> npt.NDArray[np.float64]:
    """The middles of the bands [mels]. Units: Hz"""
    return _edges(rate, mels)[1:-1]


def _edges(rate: int, mels: int) -> npt.NDArray[np.float64]:
    """Where triangles begin, have their top, and end [mels + 2]. Units: Hz"""
    low, top = (2595 * math.log10(1 + hertz / 700) for hertz in (LOWEST_HZ, rate / 2))
    return np.asarray(700 * (10 ** (np.linspace(low, top, mels + 2) / 2595) - 1), np.float64)


@lru_cache(maxsize=256)
def filters(rate: int, size: int, mels: int, warp: float = 1.0) -> Tensor:
    """Triangles [size / 2 + 1, mels]; warp: what stands at f counts as standing at f * warp.

    Near the highest frequency less and less, so that it stays where it is.
    Source: Jaitly & Hinton 2013, Vocal Tract Length Perturbation
    """
    edges = _edges(rate, mels)
    highest = rate / 2
    bend = 0.8 * highest * min(warp, 1) / warp
    lines = np.interp(np.arange(size // 2 + 1) * rate / size, [0, bend, highest], [0, bend * warp, highest])
    up = (lines[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[None, 2:] - lines[:, None]) / (edges[2:] - edges[1:-1])
    found = np.maximum(0, np.minimum(up, down))
    return torch.from_numpy((found / np.maximum(found.sum(0), 1e-12)).astype(np.float32))


def checked_samples(given: npt.NDArray[Any], what: str) -> Float32:
    """Samples of the user's as numbers from -1 to 1. Errors: UsageError, also for whole numbers other than 16 bits"""
    if given.dtype == np.int16:
        return np.asarray(given / 32768, np.float32)
    if not np.issubdtype(given.dtype, np.floating) or not len(given):
        raise UsageError(
            f"{what}: expected samples [N] from -1 to 1, or of 16 bits; got {list(given.shape)} of {given.dtype}"
        )
    if not np.isfinite(given).all():
        place = int((~np.isfinite(given)).argmax())
        raise UsageError(f"{what}: sample {place + 1:,} is {given[place]}")
    return np.ascontiguousarray(given, np.float32)
