"""Recordings varied in training, so that other loudness, noise, voices and gaps are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from recurra.data.sound.recording import Samples
from recurra.tasks.frames.sound.settings import AugmentationSettings
from recurra.tasks.sequences.sound.log_mel import Float32, LogMel

QUIETEST = 40.0
"""dB over which the level of noise is drawn."""
MASKS = 2
STEP = 0.125
"""Semitones between the pitches that are drawn, so that filters are made once."""
LONGEST_MASK = 0.2
"""Of a recording's frames, the share that one mask hides at most."""
FEWEST = 0.75
"""Of a recording's samples, the share that a shift leaves at least."""


def varied(
    samples: Samples, sound: LogMel, settings: AugmentationSettings, rng: np.random.Generator, *, whole: bool
) -> tuple[Float32, npt.NDArray[np.int64]]:
    """Frames of a recording that is shifted, louder or softer, noisy, higher or lower, faster or slower.

    whole: it has one label, and may be shifted by as much as is set; else by less than half a hop, so that the frames'
    labels stay
    Shapes: samples [N] -> [T', mels]; for each frame the one that it was, [T']
    Source: pitch: Jaitly & Hinton 2013, with the bands of the mel scale moved in place of the sound
    """
    most = settings.shift_ms * sound.rate / 1000
    if whole:
        made = _shifted(samples, round(rng.uniform(-1, 1) * most), sound.frame)
    else:
        made = _moved(samples, round(rng.uniform(-1, 1) * min(most, sound.hop / 2 - 1)))
    level = float(np.sqrt(np.mean(np.square(made), dtype=np.float64)))
    drawn = rng.uniform(size=4)
    if settings.noise_db:
        deviation = level * 10 ** (-(settings.noise_db + QUIETEST * drawn[0]) / 20)
        made = made + _noise(len(made), rng) * np.float32(deviation)
    made = made * np.float32(10 ** (settings.gain * (2 * drawn[1] - 1) / 20))
    power = sound.power(torch.from_numpy(np.asarray(made, np.float32)))
    semitones = round(settings.pitch * (2 * drawn[2] - 1) / STEP) * STEP
    frames = sound.bands(power, 2 ** (semitones / 12)).numpy()
    return _at_tempo(frames, 1 + settings.tempo * (2 * drawn[3] - 1))


def masked(frames: Float32, hop_ms: float, settings: AugmentationSettings, rng: np.random.Generator) -> Float32:
    """Scaled frames of which some bands and some stretches of time are the mean, 0.

    Source: Park et al. 2019, SpecAugment
    """
    made, (count, bands) = frames.copy(), frames.shape
    longest = min(round(settings.mask_ms / hop_ms), int(LONGEST_MASK * count))
    for _ in range(MASKS):
        for axis, most, size in ((0, longest, count), (1, min(settings.mask_mels, bands // 2), bands)):
            width = int(rng.integers(0, most + 1))
            start = int(rng.integers(0, size - width + 1))
            if axis == 0:
                made[start : start + width] = 0
            else:
                made[:, start : start + width] = 0
    return made


def _shifted(samples: Samples, by: int, frame: int) -> Samples:
    """Later with silence before it, or without its beginning."""
    if by >= 0:
        return np.concatenate([np.zeros(by, np.float32), samples])
    return samples[min(-by, max(0, len(samples) - max(frame, math.ceil(FEWEST * len(samples))))) :]


def _moved(samples: Samples, by: int) -> Samples:
    """As long as it was, silence at one end."""
    empty = np.zeros(min(abs(by), len(samples)), np.float32)
    return np.concatenate([empty, samples[: len(samples) - len(empty)]] if by > 0 else [samples[len(empty) :], empty])


def _noise(count: int, rng: np.random.Generator) -> Samples:
    """Of deviation 1: white, or weaker the higher, as rooms and winds are."""
    white = rng.standard_normal(count, np.float32)
    share = np.float32(rng.uniform(0, 0.9))
    pink = white.copy()
    pink[1:] += share * white[:-1]
    return np.asarray(pink / np.sqrt(np.float32(1) + share**2), np.float32)


def _at_tempo(frames: Float32, tempo: float) -> tuple[Float32, npt.NDArray[np.int64]]:
    """Frames between which is interpolated, so many fewer, and the nearest of those that there were."""
    count = len(frames)
    made = max(1, round(count / tempo))
    if made == count:
        return np.asarray(frames, np.float32), np.arange(count)
    at = np.linspace(0, count - 1, made)
    before = np.minimum(at.astype(np.int64), max(0, count - 2))
    after = np.minimum(before + 1, count - 1)
    share = (at - before).astype(np.float32)[:, None]
    return frames[before] * (1 - share) + frames[after] * share, np.round(at).astype(np.int64)


class Variation:
    """Recordings as their frames are in training, each time others."""

    def __init__(self, sound: LogMel, settings: AugmentationSettings, *, per_frame: bool) -> None:
        self.sound, self.settings, self.per_frame = sound, settings, per_frame
        own = [getattr(settings, name) for name in AugmentationSettings.model_fields]
        self.on = any(own)

    def of(
        self,
        samples: Samples,
        start: int,
        stop: int,
        labels: npt.NDArray[np.int64],
        encode: Callable[[npt.NDArray[np.float64]], Float32],
        rng: np.random.Generator,
    ) -> tuple[Float32, npt.NDArray[np.int64]]:
        """Frames from `start` to before `stop` of a recording, scaled by `encode`, and their labels.

        Shapes: samples [N], labels [1], per frame [stop - start] -> [T', W], [1] or [T']
        """
        hop, frame = self.sound.hop, self.sound.frame
        piece = samples[start * hop : (stop - 1) * hop + frame] if self.per_frame else samples
        frames, indices = varied(piece, self.sound, self.settings, rng, whole=not self.per_frame)
        made = masked(encode(frames.astype(np.float64)), self.sound.hop_ms, self.settings, rng)
        return made, labels[indices] if self.per_frame else labels
