"""Sequences of frames of a class, drawn one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.attributes import Attributes
from recurra.errors import UsageError
from recurra.runtime.conditions import Bridge, Values, drawn_conditions, seed_of
from recurra.runtime.layers import Layers
from recurra.runtime.predictions import Floats, log_softmax
from recurra.runtime.weights import Weights, setting
from recurra.topologies.sampling_bounds import check_seed

Numbers = npt.NDArray[np.float64]
NARROWEST, WIDEST = -5.0, 2.0
"""Of the logarithms of deviations, as topologies.frame_generator has them."""
LONGEST = 10_000
LONGER = 1.5


@dataclass(frozen=True)
class GeneratedFrames:
    """A sequence and what it was drawn for.

    frames: [T, I], in the units of the data, log-mel bands where these are sound; ended: it came to its end, and was
    not cut after the longest length
    """

    condition: str
    frames: Numbers
    ended: bool
    channels: tuple[str, ...]


class FrameGenerator:
    """A trained generator of frames."""

    def __init__(
        self, weights: Weights, config: Mapping[str, Any], preprocessing: Mapping[str, Any], threads: int
    ) -> None:
        network = config["settings"]["network"]
        self.channels: list[str] = setting(preprocessing, "channels", list)
        self.attributes = Attributes.from_json(preprocessing["attributes"])
        self.longest, width = setting(preprocessing, "longest", int), len(self.channels)
        names = ("mean", "deviation", "low", "high")
        self._mean, self._deviation, self._low, self._high = (np.array(preprocessing[n], np.float64) for n in names)
        shapes = {each.shape for each in (self._mean, self._deviation, self._low, self._high)}
        if shapes != {(width,)} or not (self._deviation > 0).all() or not (self._low <= self._high).all():
            raise TypeError(f"{width} channels do not fit means, deviations, least and most {sorted(shapes)}")
        beside, read = setting(network, "condition_size", int), setting(network, "reader_size", int)
        self._mixtures = setting(network, "mixtures", int)
        self._values = Values(weights, self.attributes, beside)
        self._reader = [weights.linear("reader.0", width, 2 * read), weights.linear("reader.1", 2 * read, read)]
        self._layers = Layers(weights, network, read + beside, threads, "stack")
        self._bridge = Bridge(weights, self._layers, beside)
        outputs = 1 + self._mixtures * (1 + 2 * width)
        self._weight, self._bias = weights.linear("head", self._layers.output_size + beside, outputs)
        last = setting(network, "from_last", bool)
        self._step = weights.floats("step.weight", width, width) if last else np.zeros((width, width), np.float32)

    def conditions(self) -> list[str]:
        """What it can be asked for, the most frequent in training first."""
        return self.attributes.conditions()

    def generate(
        self,
        length: int | None = None,
        *,
        condition: str | None = None,
        count: int = 1,
        temperature: float = 1.0,
        seed: int | None = None,
    ) -> list[GeneratedFrames]:
        """`count` sequences of a class, those that `recurra.Run.generate` draws; sound as its frames.

        length: in frames, of the longest sequence; temperature: of the mixture, and a factor of the deviations; without
        a class they are drawn as often as in training
        Errors: UsageError for numbers that cannot be; UnknownNameError
        """
        if not 0 <= temperature <= 10:
            raise UsageError(f"temperature is a number from 0 to 10, got {temperature}")
        check_seed(seed)
        most = min(LONGEST, max(1, round(LONGER * self.longest))) if length is None else length
        if most < 1 or count < 1:
            raise UsageError(f"length and count are whole numbers from 1; got {most} and {count}")
        seed = seed_of(seed)
        found = []
        for row, indices in enumerate(drawn_conditions(self.attributes, condition, count, seed)):
            scaled, ended = self._drawn(indices, most, temperature, np.random.default_rng([seed, row]))
            frames = np.clip(scaled.astype(np.float64) * self._deviation + self._mean, self._low, self._high)
            found.append(GeneratedFrames(self.attributes.describe(indices), frames, ended, tuple(self.channels)))
        return found

    def _drawn(
        self, indices: tuple[int, ...], length: int, temperature: float, random: np.random.Generator
    ) -> tuple[Floats, bool]:
        """Scaled frames [T, I], and whether they came to their end."""
        vector = self._values.vectors([indices])
        stream = self._layers.stream(self._bridge.start(vector))
        low, high = (((each - self._mean) / self._deviation).astype(np.float32) for each in (self._low, self._high))
        frame, written = np.zeros((1, len(self.channels)), np.float32), []
        for _ in range(length):
            end, weights, means, scales = self._said(frame, vector, stream.step(self._read(frame, vector)))
            chances = random.random(2).astype(np.float32)
            noise = random.standard_normal(len(self.channels)).astype(np.float32)
            place = _place(weights, chances[0], temperature)
            drawn = means[place] + np.float32(temperature) * np.exp(scales[place]) * noise
            frame = np.clip(drawn, low, high)[None]
            written.append(frame[0])
            likely = 1 / (1 + np.exp(-np.float64(end)))
            if chances[1] < likely if temperature else end > 0:
                return np.stack(written), True
        return np.stack(written), False

    def _read(self, frame: Floats, vector: Floats) -> Floats:
        x = frame
        for weight, bias in self._reader:
            x = np.maximum(x @ weight.T + bias, 0)
        return np.concatenate([x, vector], 1)

    def _said(self, frame: Floats, vector: Floats, y: Floats) -> tuple[Any, Floats, Floats, Floats]:
        """Whether it is the last one, a logit; log-probabilities [K], means and logarithms of deviations [K, I]."""
        outputs = (np.concatenate([y, vector], 1) @ self._weight.T + self._bias)[0]
        mixtures, width = self._mixtures, len(self.channels)
        means, scales = outputs[1 + mixtures :].reshape(2, mixtures, width)
        weights = log_softmax(outputs[1 : 1 + mixtures])
        return outputs[0], weights, means + frame @ self._step.T, scales.clip(NARROWEST, WIDEST)


def _place(weights: Floats, chance: Any, temperature: float) -> int:
    """Which Gaussian is drawn from, the likeliest for a temperature of 0."""
    if not temperature:
        return int(weights.argmax())
    sums = np.exp(log_softmax(weights / np.float32(temperature))).cumsum()
    return min(int((sums < chance * sums[-1]).sum()), len(sums) - 1)
