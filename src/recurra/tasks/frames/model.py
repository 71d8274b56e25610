"""A trained model of frames in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from torch import nn

from recurra.data.files.in_memory import MEMORY, as_table
from recurra.data.frames.clip_folders import FEATURES
from recurra.data.frames.sequences import Frames
from recurra.data.frames.table import from_table
from recurra.errors import DataError, UsageError
from recurra.tasks.abilities import Numeric
from recurra.tasks.differentiable import Differentiable
from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.frames.clips import as_frames, asked_about
from recurra.tasks.frames.data import check_shape, of_model
from recurra.tasks.frames.preprocessor import FramesPreprocessor
from recurra.tasks.frames.settings import FramesDataSettings
from recurra.tasks.frames.streaming import FrameStream, why_no_stream
from recurra.tasks.frames.trainee import log_probabilities
from recurra.tasks.model import Model, refuse_options
from recurra.tasks.sequences.reading import how_to_read, read_file
from recurra.tasks.sequences.sound.log_mel import LogMel, checked_samples
from recurra.tasks.sequences.sound.reading import of_file

if TYPE_CHECKING:
    from recurra.tasks.frames.lanes import FrameLanes


@dataclass(frozen=True)
class Prediction:
    """A sequence and its most probable classes, best first."""

    name: str
    classes: list[tuple[str, float]]

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.classes[0][0]


@dataclass(frozen=True)
class Stretch:
    """Frames of one label in a row, from `start` to before `stop`; probability: the mean of theirs

    seconds: of sound, from when to when
    """

    start: int
    stop: int
    label: str
    probability: float
    seconds: tuple[float, float] | None = None


@dataclass(frozen=True)
class FrameLabels:
    """A label for each frame of a sequence. probabilities: of each class for each frame [T, C]; sound: what frames are,
    where they are of a recording"""

    name: str
    labels: list[str]
    probabilities: npt.NDArray[np.float32]
    sound: LogMel | None = None

    def stretches(self) -> list[Stretch]:
        """Frames of the same label in a row."""
        best, found, start = self.probabilities.max(1), [], 0
        for label, group in groupby(self.labels):
            stop = start + len(list(group))
            found.append(Stretch(start, stop, label, float(best[start:stop].mean()), self._seconds(start, stop)))
            start = stop
        return found

    def _seconds(self, start: int, stop: int) -> tuple[float, float] | None:
        """From half a hop before the middle of the first frame to half a hop after that of the last."""
        if self.sound is None:
            return None
        half = self.sound.seconds / 2
        return max(0.0, self.sound.middle(start) - half), self.sound.middle(stop - 1) + half


class FramesModel(Model):
    """The base of both; inputs are sequences: arrays [T, I], a file, a frame of a table with the channels.

    Of sound: a file, or samples [N] from -1 to 1 at the rate of the model.
    """

    network: nn.Module

    def __init__(self, network: nn.Module, preprocessor: FramesPreprocessor, settings: FramesDataSettings) -> None:
        self.network, self.preprocessor, self.settings = network.eval(), preprocessor, settings
        self.classes = preprocessor.classes

    def commands(self, folder: str) -> list[str]:
        if self.preprocessor.sound is None:
            picture = self.preprocessor.picture
            what = "FILE" if picture is None else "PICTURE" if picture.rows else "CLIP/"
            stream = (
                [f"predict {folder} --stream {what}"] if picture is not None and why_no_stream(self) is None else []
            )
            return [f"predict {folder} {what}", *stream, f"evaluate {folder}"]
        stream = [f"predict {folder} --stream FILE.wav"] if why_no_stream(self) is None else []
        return [f"predict {folder} FILE.wav", *stream, f"evaluate {folder}"]

    def checked(self, inputs: Any) -> list[Frames]:
        """An array [T, I] or [N, T, I], a list of arrays [T, I], a path, a frame or a dict with columns of channels.

        Errors: UsageError; DataError of a file
        """
        if isinstance(inputs, (str, bytes, bytearray)) and not str(inputs).strip():
            raise UsageError("an empty text is no sequence of frames; give arrays [T, I], or the path of a file")
        if isinstance(inputs, Path) or (isinstance(inputs, str) and (Path(inputs).suffix or Path(inputs).is_dir())):
            return self.read(Path(inputs))
        if isinstance(inputs, Frames):
            return [inputs]
        if self.preprocessor.sound is not None and isinstance(inputs, np.ndarray) and inputs.ndim == 1:
            return [self._of_array(inputs, 1)]
        if hasattr(inputs, "columns") or isinstance(inputs, Mapping):
            return self._of_table(inputs)
        if (isinstance(inputs, np.ndarray) and inputs.ndim == 2) or _is_rows(inputs):
            return [self._of_array(inputs, 1)]
        if not isinstance(inputs, (list, tuple, np.ndarray)) and not hasattr(inputs, "__array__"):
            raise UsageError(f"expected sequences of frames: arrays [T, I] or the path of a file; got {inputs!r:.60}")
        found: list[Frames] = []
        for number, each in enumerate(inputs, start=1):
            taken = isinstance(each, (Frames, list, Path)) or (isinstance(each, str) and each.strip())
            found += self.checked(each) if taken and not _is_rows(each) else [self._of_array(each, number)]
        return found

    def read(self, path: Path) -> list[Frames]:
        """The sequences of a file, which need no labels. Errors: DataError"""
        if self.preprocessor.sound is not None:
            return [of_file(path, self.preprocessor.sound)]
        settings = of_model(self.settings, self.preprocessor)
        if self.preprocessor.picture is not None or path.is_dir() or path.suffix.lower() in FEATURES:
            found = asked_about(path, settings, self.preprocessor)
        else:
            found = read_file(path, settings, labelled=False)
        check_shape(found, self.preprocessor)
        return found.sequences

    def numeric(self) -> Numeric:
        """Samples, frames of channels, or pictures of bytes."""
        made = self.preprocessor
        if made.sound is not None:
            return Numeric(f"samples [N] from -1 to 1, {made.sound.rate:,} a second", 1)
        if made.picture is not None:
            return Numeric(
                f"pictures as rows of bytes [T, {made.picture.frame_size}]", 2, made.picture.frame_size, whole=True
            )
        return Numeric(
            f"frames [T, {len(made.channels)}], null for a missing value", 2, len(made.channels), missing=True
        )

    def listen(self, rate: int | None = None) -> FrameStream:
        """Labels while frames, or samples of sound at this rate, arrive. Errors: UsageError if it cannot"""
        return FrameStream(self, rate=rate)

    def lanes(self) -> FrameLanes:
        """Many sequences that arrive at once. Errors: UsageError if it cannot"""
        from recurra.tasks.frames.lanes import FrameLanes

        return FrameLanes(self)

    def forward_pass(self, given: Any, /, **options: Any) -> ForwardPass:
        """See tasks.frames.forward_pass."""
        from recurra.tasks.frames.forward_pass import forward_pass

        return forward_pass(self, given, **options)

    def differentiable(self, given: Any, /, **options: Any) -> Differentiable:
        """See tasks.frames.attribution."""
        from recurra.tasks.frames.attribution import attribution

        return attribution(self, given, **options)

    def _of_table(self, inputs: Any) -> list[Frames]:
        try:
            how = how_to_read(of_model(self.settings, self.preprocessor), labelled=False)
            found = from_table(as_table(inputs), how)
            check_shape(found, self.preprocessor)
        except DataError as error:
            raise UsageError(str(error).replace(f"{MEMORY}:", "row ")) from error
        return found.sequences

    def _of_array(self, given: Any, number: int) -> Frames:
        if self.preprocessor.picture is not None:
            return Frames("array", as_frames(given, self.preprocessor.picture, number), ())
        width, sound = len(self.preprocessor.channels), self.preprocessor.sound
        if sound is not None and isinstance(given, np.ndarray) and given.ndim == 1:
            samples = sound.trimmed(checked_samples(given, f"recording {number}"))
            return Frames("samples", sound.of(samples).astype(np.float64), (), samples=samples)
        try:
            values = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise UsageError(f"sequence {number} is no array of numbers [T, {width}]: {given!r:.60}") from error
        if values.ndim == 1 and width == 1 and isinstance(given, np.ndarray):
            values = values[:, None]
        if values.ndim != 2 or values.shape[1] != width or not len(values):
            raise UsageError(f"expected sequence {number} as [T, {width}], T at least 1, got {list(values.shape)}")
        if np.isinf(values).any():
            frame, channel = np.argwhere(np.isinf(values))[0]
            raise UsageError(
                f"frame {frame + 1} of sequence {number} has an infinite value in channel {channel + 1}; NaN is a "
                "missing one"
            )
        return Frames("array", values, ())

    def _logs(self, inputs: Sequence[Frames]) -> npt.NDArray[np.float32]:
        encoded = [self.preprocessor.encode(one.values) for one in inputs]
        return np.asarray(log_probabilities(self.network, encoded).exp().numpy(), np.float32)

    def _each(self, inputs: Any) -> list[Frames]:
        """Inputs as `checked` and `read` give them, in one list."""
        found: list[Frames] = []
        for one in inputs:
            found += one if isinstance(one, list) else [one]
        return found


class SequenceClassifier(FramesModel):
    """N to 1."""

    does: ClassVar[str] = "it tells classes of sequences of frames"
    unit: ClassVar[str] = "sequences"
    alternatives: ClassVar[int | None] = 3

    def predict(self, inputs: Any, /, *, top: int = 1, **options: Any) -> list[Prediction]:
        """The `top` most probable classes of each sequence. Errors: UsageError"""
        refuse_options(self, options)
        if top < 1:
            raise UsageError(f"top must be a whole number from 1, got {top}")
        sequences = self._each(inputs)
        if not sequences:
            return []
        found = self._logs(sequences)
        best = np.argsort(-found, axis=1, kind="stable")[:, :top]
        return [
            Prediction(one.name, [(self.classes[k], float(row[k])) for k in indices])
            for one, row, indices in zip(sequences, found, best, strict=True)
        ]

    def predict_proba(self, inputs: Any) -> npt.NDArray[np.float32]:
        """[N, C]"""
        sequences = self._each(inputs)
        return self._logs(sequences) if sequences else np.zeros((0, len(self.classes)), np.float32)

    def rows(self, predictions: Sequence[Prediction]) -> list[list[str]]:
        return [
            [p.name, *(cell for label, chance in p.classes for cell in (label, f"{chance:.3f}"))] for p in predictions
        ]

    def document(self, predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
        return [
            {"name": p.name, "classes": [{"label": c, "probability": v} for c, v in p.classes]} for p in predictions
        ]


class FrameLabeller(FramesModel):
    """N to N."""

    does: ClassVar[str] = "it labels each frame of a sequence"
    unit: ClassVar[str] = "frames"

    def predict(self, inputs: Any, /, **options: Any) -> list[FrameLabels]:
        """A label for each frame of each sequence. Errors: UsageError"""
        refuse_options(self, options)
        sequences, start, answers = self._each(inputs), 0, []
        found = self._logs(sequences) if sequences else np.zeros((0, len(self.classes)), np.float32)
        for one in sequences:
            own = found[start : start + len(one)]
            labels = [self.classes[k] for k in own.argmax(1)]
            answers.append(FrameLabels(one.name, labels, own, self.preprocessor.sound))
            start += len(one)
        return answers

    def rows(self, predictions: Sequence[FrameLabels]) -> list[list[str]]:
        unit = "frame" if self.preprocessor.sound is None else "s"
        return [
            ["sequence", f"from {unit}", f"to {unit}", "label", "probability"],
            *([p.name, *_span(s), s.label, f"{s.probability:.3f}"] for p in predictions for s in p.stretches()),
        ]

    def document(self, predictions: Sequence[FrameLabels]) -> list[dict[str, Any]]:
        return [
            {
                "name": p.name,
                "stretches": [
                    {"from": s.start + 1, "to": s.stop, "label": s.label, "probability": s.probability}
                    | ({} if s.seconds is None else {"seconds": list(s.seconds)})
                    for s in p.stretches()
                ],
            }
            for p in predictions
        ]


def _span(one: Stretch) -> tuple[str, str]:
    """From where to where, in seconds or frames counted from 1."""
    return (f"{one.seconds[0]:.2f}", f"{one.seconds[1]:.2f}") if one.seconds else (str(one.start + 1), str(one.stop))


def _is_rows(inputs: Any) -> bool:
    """Whether it is one sequence as a list of rows of numbers."""
    return (
        isinstance(inputs, (list, tuple))
        and len(inputs) > 0
        and all(
            isinstance(row, (list, tuple)) and len(row) > 0 and all(isinstance(cell, (int, float)) for cell in row)
            for row in inputs
        )
    )
