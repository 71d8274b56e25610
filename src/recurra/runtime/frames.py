"""Models of frames: a class for a sequence, or a label for each frame, whole or while they arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.frames.scales import column_scales, standardised
from recurra.errors import UsageError
from recurra.runtime.classifier import POOLINGS, pooled
from recurra.runtime.layers import Layers
from recurra.runtime.predictions import Floats, Prediction, best_of, softmax
from recurra.runtime.weights import Weights, one_of, setting

Numbers = npt.NDArray[np.float64]
MOST_DELAY = 1 << 16


@dataclass(frozen=True)
class FrameLabels:
    """A label for each frame of a sequence. probabilities: of each class for each frame [T, C]"""

    labels: list[str]
    probabilities: Floats


@dataclass(frozen=True)
class Streamed:
    """What is said of a frame, counted from 0, or of all frames up to it. probabilities: of each class [C]"""

    frame: int
    label: str
    probability: float
    probabilities: Floats


class Frames:
    """A trained model that tells the class of a sequence of frames.

    Frames of sound are log-mel bands, made by the caller.
    """

    def __init__(
        self, weights: Weights, config: Mapping[str, Any], preprocessing: Mapping[str, Any], threads: int
    ) -> None:
        network = config["settings"]["network"]
        if preprocessing.get("picture") is not None:
            raise UsageError("pictures are read by torch's convolutions; use recurra.load, or export it with --to onnx")
        self.channels: list[str] = setting(preprocessing, "channels", list)
        self.classes: list[str] = setting(preprocessing, "classes", list)
        self._mean, self._deviation = (np.array(preprocessing[name], np.float64) for name in ("mean", "deviation"))
        if not self._mean.shape == self._deviation.shape == (len(self.channels),) or not (self._deviation > 0).all():
            raise TypeError(f"{len(self.channels)} channels, {self._mean.shape}, {self._deviation.shape}")
        self._gaps, self._root = setting(preprocessing, "gaps", bool), setting(preprocessing, "root", bool, False)
        self.scale = one_of(preprocessing, "scale", ("training", "sequence", "mean"))
        self.per_frame = setting(preprocessing, "per_frame", bool)
        width = len(self.channels) * (2 if self._gaps else 1)
        self._layers = Layers(weights, network, width, threads, "stack")
        self._pooling = one_of(network, "pooling", POOLINGS)
        self._delay = setting(network, "delay", int) if self.per_frame else 0
        if not 0 <= self._delay <= MOST_DELAY:
            raise TypeError(f"delay is {self._delay}")
        parts = 3 if self._pooling == "all" and not self.per_frame else 1
        self._weight, self._bias = weights.linear("head", parts * self._layers.output_size, len(self.classes))

    def predict(self, sequences: Sequence[Any] | npt.NDArray[Any], *, top: int = 1) -> list[Any]:
        """The `top` most probable classes of each sequence, an array [T, I] each. Errors: UsageError"""
        found: list[Prediction] = []
        for number, row in enumerate(self._each(sequences), start=1):
            found.append(best_of(f"sequence {number}", softmax(self._logits(row)), self.classes, top))
        return found

    def predict_proba(self, sequences: Sequence[Any] | npt.NDArray[Any]) -> Floats:
        """[N, C]"""
        found = [softmax(self._logits(one)) for one in self._each(sequences)]
        return np.stack(found) if found else np.zeros((0, len(self.classes)), np.float32)

    def stream(self) -> FrameStream:
        """Labels while frames arrive. Errors: UsageError if it cannot, with the reason"""
        return FrameStream(self)

    def scaled(self, values: Numbers) -> Floats:
        """Frames as the network reads them. [T, I] -> [T, I or 2 I]"""
        values = np.copysign(np.sqrt(np.abs(values)), values) if self._root else values
        mean, deviation = self._mean, self._deviation
        if self.scale != "training":
            own, spread = column_scales(values)
            mean, deviation = own, deviation if self.scale == "mean" else spread
        found = standardised(values, mean, deviation, self.channels)
        return np.concatenate([found, np.isnan(values)], 1, dtype=np.float32) if self._gaps else found

    def frames(self, given: Any, what: str) -> Numbers:
        """Errors: UsageError unless it is [T, I] of numbers, T at least 1, NaN for one that is missing"""
        values = self.numbers(given, what)
        if values.ndim != 2 or values.shape[1] != len(self.channels) or not len(values):
            raise UsageError(f"expected {what} as [T, {len(self.channels)}], T at least 1, got {list(values.shape)}")
        if np.isinf(values).any():
            raise UsageError(f"{what} has an infinite value; NaN is a missing one")
        return values

    def numbers(self, given: Any, what: str) -> Numbers:
        """As an array of any shape. Errors: UsageError for what is none"""
        try:
            return np.asarray(given, np.float64)
        except (TypeError, ValueError) as error:
            raise UsageError(f"{what} is no array of numbers [T, {len(self.channels)}]: {given!r:.60}") from error

    def _each(self, sequences: Any) -> list[Floats]:
        one = isinstance(sequences, np.ndarray) and sequences.ndim == 2
        given = [sequences] if one else sequences
        return [self.scaled(self.frames(each, f"sequence {i}")) for i, each in enumerate(given, start=1)]

    def _logits(self, x: Floats) -> Floats:
        """Shapes: [T, I] -> [C], or [T, C] of each frame"""
        padded = np.concatenate([x, np.zeros((self._delay, x.shape[1]), np.float32)]) if self._delay else x
        y, state = self._layers.run(padded[None])
        seen = y[0, self._delay :]
        if not self.per_frame:
            seen = pooled(self._pooling, self._layers, y, state, np.array([len(x)]))[0]
        found: Floats = seen @ self._weight.T + self._bias
        return found


class FrameLabeller(Frames):
    """A trained model that labels each frame of a sequence."""

    def predict(self, sequences: Sequence[Any] | npt.NDArray[Any], *, top: int = 1) -> list[Any]:
        """A label for each frame of each sequence. Errors: UsageError"""
        if top != 1:
            raise UsageError("a frame has one label here; the probabilities of all are in the answer")
        every = [softmax(self._logits(one)) for one in self._each(sequences)]
        return [FrameLabels([self.classes[k] for k in rows.argmax(1)], rows) for rows in every]

    def predict_proba(self, sequences: Sequence[Any] | npt.NDArray[Any]) -> Floats:
        raise UsageError("each frame has probabilities of its own: they are in the answers of predict")


def model_of(weights: Weights, config: Mapping[str, Any], preprocessing: Mapping[str, Any], threads: int) -> Frames:
    """A model of frames with a label each, or of sequences with one."""
    kind = FrameLabeller if preprocessing.get("per_frame") else Frames
    return kind(weights, config, preprocessing, threads)


class FrameStream:
    """One sequence that arrives in pieces of any size; its labels are those of the whole, to rounding.

    Errors: UsageError for a model that cannot stream, with the reason
    """

    def __init__(self, model: Frames) -> None:
        if model.scale != "training":
            raise UsageError(
                "this model cannot stream: it scales a sequence by what all its frames are; train it with "
                "--scale training"
            )
        self._model, self._stream = model, model._layers.stream()
        self._pooling = None if model.per_frame else model._pooling
        self._seen, self._left, self.count = 0, model._delay, 0
        self._sum = self._highest = np.zeros(0, np.float32)
        self._ended = False

    def push(self, given: Any) -> list[Streamed]:
        """The labels of the frames that are known with these: [T, I], or one [I]. Errors: UsageError"""
        if self._ended:
            raise UsageError("this stream has ended; begin another one")
        values = self._model.numbers(given, "frames")
        if not values.size:
            return []
        values = self._model.frames(values[None] if values.ndim == 1 else values, "frames")
        return [said for row in self._model.scaled(values) if (said := self._step(row)) is not None]

    def end(self) -> list[Streamed]:
        """The labels of the last frames, which wait for others."""
        if self._ended:
            return []
        self._ended = True
        nothing = np.zeros(self._model._layers.input_size, np.float32)
        waiting = range(self._model._delay if self._seen else 0)
        return [said for _ in waiting if (said := self._step(nothing)) is not None]

    def _step(self, row: Floats) -> Streamed | None:
        y = self._stream.step(row[None])[0].copy()
        self._seen += 1
        if self._pooling in ("mean", "max", "all"):
            self._sum = y if self._seen == 1 else self._sum + y
            self._highest = y if self._seen == 1 else np.maximum(self._highest, y)
        if self._left:
            self._left -= 1
            return None
        mean = self._sum / np.float32(self._seen)
        kinds = {"mean": mean, "max": self._highest}
        looked = (
            np.concatenate([y, mean, self._highest]) if self._pooling == "all" else kinds.get(str(self._pooling), y)
        )
        model = self._model
        chances = softmax(model._weight @ looked + model._bias)
        best, frame = int(chances.argmax()), self.count
        self.count += 1
        return Streamed(frame, model.classes[best], float(chances[best]), chances)
