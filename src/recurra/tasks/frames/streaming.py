"""Labels while frames, or sound, arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from recurra.errors import UsageError
from recurra.tasks.frames.clips import as_frames
from recurra.tasks.frames.sound.hearing import FrameCutter
from recurra.tasks.sequences.sound.log_mel import checked_samples
from recurra.topologies import frame_stream
from recurra.topologies.frame_stream import FrameNetworkStream

if TYPE_CHECKING:
    from recurra.tasks.frames.model import FramesModel


@dataclass(frozen=True)
class Streamed:
    """What is said of a frame, or of all frames up to it.

    frame: its number, from 0; seconds: of sound, when its middle was; probabilities: of each class [C]
    """

    frame: int
    seconds: float | None
    label: str
    probability: float
    probabilities: npt.NDArray[np.float32]


def why_no_stream(model: FramesModel) -> str | None:
    """Why a model gives no labels while frames arrive, and what to do; None if it does."""
    if (reason := frame_stream.why_no_stream(model.network)) is not None:  # type: ignore[arg-type]
        return f"{reason}; train it with --no-bidirectional"
    sound = model.preprocessor.sound
    if sound is not None and sound.whole is not None:
        option = f"--{sound.whole.replace('_', '-')} 0"
        return f"its {sound.whole} is measured from the loudest frame of a recording; train it with {option}"
    if model.preprocessor.scale != "training":
        return "it scales a sequence by what all its frames are; train it with --scale training"
    return None


class FrameStream:
    """One sequence that arrives in pieces of any size; its labels are those of the whole, to rounding.

    >>> stream = run.stream()
    >>> for samples in microphone:
    ...     for each in stream.push(samples):
    ...         print(each.seconds, each.label)
    >>> stream.end()

    rate: of sound, samples a second, if it is not the model's; resampled as it arrives; count: labels so far; waits:
    seconds from the beginning of a frame until its label can be said
    Errors: UsageError for a model that cannot stream, with the reason
    """

    def __init__(self, model: FramesModel, *, rate: int | None = None) -> None:
        if (reason := why_no_stream(model)) is not None:
            raise UsageError(f"this model cannot stream: {reason}")
        self._model, self._network = model, FrameNetworkStream(model.network)  # type: ignore[arg-type]
        sound = model.preprocessor.sound
        if sound is None and rate is not None:
            raise UsageError("rate is one of sound; this model reads frames of numbers")
        self._cutter = None if sound is None else FrameCutter(sound, rate)
        self.rate = None if self._cutter is None else self._cutter.rate
        self.waits = 0.0 if sound is None else sound.frame / sound.rate + model.network.delay * sound.seconds  # type: ignore[operator]
        self._device = next(model.network.parameters()).device
        self.count, self._ended = 0, False

    def push(self, given: Any) -> list[Streamed]:
        """The labels of the frames that are whole with these.

        given: of sound, samples [N] from -1 to 1, or of 16 bits; of others, frames [T, I], or one [I], NaN for a value
        that is missing; of clips, pictures [T, H, W] or one [H, W], of colours [T, H, W, 3]
        Errors: UsageError
        """
        if self._ended:
            raise UsageError("this stream has ended; begin another one")
        if self._cutter is not None:
            samples = np.asarray(given)
            if samples.ndim != 1:
                raise UsageError(f"expected samples [N], got {list(samples.shape)}")
            return (
                []
                if not len(samples)
                else self._labels(self._cutter.push(checked_samples(samples, "samples")).astype(np.float64))
            )
        return self._labels(self._frames(given))

    def end(self) -> list[Streamed]:
        """The labels of what remains after the last piece."""
        if self._ended:
            return []
        self._ended = True
        last = [] if self._cutter is None else self._labels(self._cutter.end().astype(np.float64))
        return [*last, *map(self._said, self._network.end())]

    def _frames(self, given: Any) -> npt.NDArray[Any]:
        made = self._model.preprocessor
        if made.picture is not None and not made.picture.rows and np.ndim(given) > 1:
            flat = np.shape(given)[-1] == made.picture.frame_size
            whole = flat or np.ndim(given) > 2 + (made.picture.channels > 1)
            return as_frames(given if whole else np.asarray(given)[None], made.picture, self.count + 1)
        width = len(made.channels) if made.picture is None else made.picture.frame_size
        try:
            values = np.asarray(given, np.float64)
        except (TypeError, ValueError) as error:
            raise UsageError(f"expected frames of {width} numbers, got {given!r:.60}") from error
        if not values.size:
            return np.zeros((0, width))
        values = values[None] if values.ndim == 1 else values
        if values.ndim != 2 or values.shape[1] != width or np.isinf(values).any():
            raise UsageError(f"expected finite frames [T, {width}], got {list(np.shape(given))}")
        return values

    @torch.inference_mode()
    def _labels(self, frames: npt.NDArray[Any]) -> list[Streamed]:
        if not len(frames):
            return []
        x = torch.from_numpy(self._model.preprocessor.encode(frames)).to(self._device)
        return [self._said(logits) for row in x if (logits := self._network.step(row)) is not None]

    def _said(self, logits: torch.Tensor) -> Streamed:
        chances = logits.softmax(-1).cpu().numpy()
        best, frame = int(chances.argmax()), self.count
        self.count += 1
        sound = self._model.preprocessor.sound
        return Streamed(
            frame,
            None if sound is None else sound.middle(frame),
            self._model.classes[best],
            float(chances[best]),
            chances,
        )
