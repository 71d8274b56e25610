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


class FrameHearing:
    """What stands around a network in one sequence that arrives in pieces: frames before it, labels after it.

    Errors: UsageError for a model that cannot stream, with the reason
    """

    def __init__(self, model: FramesModel, rate: int | None) -> None:
        if (reason := why_no_stream(model)) is not None:
            raise UsageError(f"this model cannot stream: {reason}")
        self._model = model
        sound = model.preprocessor.sound
        if sound is None and rate is not None:
            raise UsageError("rate is one of sound; this model reads frames of numbers")
        self._cutter = None if sound is None else FrameCutter(sound, rate)
        self.rate = None if self._cutter is None else self._cutter.rate
        self.waits = 0.0 if sound is None else sound.frame / sound.rate + model.network.delay * sound.seconds  # type: ignore[operator]
        self._device = next(model.network.parameters()).device
        self.count, self._ended = 0, False

    def heard(self, given: Any) -> list[torch.Tensor]:
        """The frames that are whole with these, as the network reads them. Shapes: given as `FrameStream.push` -> [I]

        Errors: UsageError
        """
        if self._ended:
            raise UsageError("this stream has ended; begin another one")
        if self._cutter is not None:
            samples = np.asarray(given)
            if samples.ndim != 1:
                raise UsageError(f"expected samples [N], got {list(samples.shape)}")
            if not len(samples):
                return []
            return self._encoded(self._cutter.push(checked_samples(samples, "samples")).astype(np.float64))
        return self._encoded(self._frames(given))

    def heard_last(self) -> list[torch.Tensor]:
        """The frames that remain after the last piece, as `heard`."""
        self._ended = True
        return [] if self._cutter is None else self._encoded(self._cutter.end().astype(np.float64))

    def label(self, logits: torch.Tensor) -> Streamed:
        """What is said of the next frame. Shapes: logits [C]"""
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

    def _encoded(self, frames: npt.NDArray[Any]) -> list[torch.Tensor]:
        if not len(frames):
            return []
        return list(torch.from_numpy(self._model.preprocessor.encode(frames)).to(self._device))


class FrameStream(FrameHearing):
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
        super().__init__(model, rate)
        self._network = FrameNetworkStream(model.network)  # type: ignore[arg-type]

    @torch.inference_mode()
    def push(self, given: Any) -> list[Streamed]:
        """The labels of the frames that are whole with these.

        given: of sound, samples [N] from -1 to 1, or of 16 bits; of others, frames [T, I], or one [I], NaN for a value
        that is missing; of clips, pictures [T, H, W] or one [H, W], of colours [T, H, W, 3]
        Errors: UsageError
        """
        return self._labels(self.heard(given))

    @torch.inference_mode()
    def end(self) -> list[Streamed]:
        """The labels of what remains after the last piece."""
        if self._ended:
            return []
        return [*self._labels(self.heard_last()), *map(self.label, self._network.end())]

    def _labels(self, frames: list[torch.Tensor]) -> list[Streamed]:
        return [self.label(logits) for x in frames if (logits := self._network.step(x)) is not None]
