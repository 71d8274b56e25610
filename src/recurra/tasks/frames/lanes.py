"""Many sequences of frames, or of sound, that arrive at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from recurra.errors import RecurraError, UsageError
from recurra.tasks.frames.streaming import FrameHearing, Streamed, why_no_stream
from recurra.tasks.lanes import OBJECTS
from recurra.tasks.model import refuse_options
from recurra.topologies.frame_stream import FrameSteps
from recurra.topologies.gathered_steps import GatheredSteps

if TYPE_CHECKING:
    from recurra.tasks.frames.model import FramesModel


class FrameLanes:
    """See tasks.lanes.Lanes. Errors: UsageError for a model that cannot stream, with the reason"""

    def __init__(self, model: FramesModel) -> None:
        if (reason := why_no_stream(model)) is not None:
            raise UsageError(f"this model cannot stream: {reason}")
        self.model = model
        self._steps = GatheredSteps(model.network.stack)  # type: ignore[arg-type]
        sound = model.preprocessor.sound
        pooled = 3 * self._steps.start[0][-1].numel()
        held = 0 if sound is None else 2 * sound.frame
        picture = 0 if model.preprocessor.picture is None else model.preprocessor.picture.frame_size
        self.bytes = self._steps.bytes + 4 * (pooled + picture) + 8 * held + OBJECTS

    def new(self, **options: Any) -> FrameLane:
        """A sequence without a frame yet. options: rate, of sound. Errors: UsageError"""
        rate = options.pop("rate", None)
        refuse_options(self.model, options)
        return FrameLane(self.model, rate, self._steps)

    @torch.inference_mode()
    def advance(self, lanes: Sequence[FrameLane]) -> None:
        """One frame of each."""
        ready = [lane for lane in lanes if lane.waiting]
        if not ready:
            return
        x = torch.stack([lane.following() for lane in ready])
        y, states = self._steps.step(x, [lane.state for lane in ready])
        for lane, state, output in zip(ready, states, y, strict=True):
            lane.state = state
            try:
                lane.take(output.clone())
            except RecurraError as error:
                lane.failed = error


class FrameLane:
    """See tasks.lanes.Lane. state: after the frames that were read; waiting: the others"""

    def __init__(self, model: FramesModel, rate: int | None, steps: GatheredSteps) -> None:
        self._hearing, self._around = FrameHearing(model, rate), FrameSteps(model.network)  # type: ignore[arg-type]
        self.state, self.waiting = steps.start, deque[Tensor | None]()
        self.failed: RecurraError | None = None
        self._answers: list[dict[str, Any]] = []
        self.ended = False

    @property
    def busy(self) -> bool:
        return self.failed is None and bool(self.waiting)

    def push(self, given: Any, *, last: bool = False) -> None:
        """Frames, or samples, as they arrive. last: there are no more. Errors: UsageError, with nothing taken"""
        begun = self._around.begun or bool(self.waiting)
        with np.errstate(over="ignore"):  # what is too large is refused then
            frames = [] if given is None else self._hearing.heard(given)
        if last:
            frames += self._hearing.heard_last()
            self.ended = True
        self.waiting.extend(frames)
        if last and (begun or frames):
            self.waiting.extend([None] * self._around.delay)

    def answers(self) -> list[dict[str, Any]]:
        found, self._answers = self._answers, []
        return found

    def following(self) -> Tensor:
        """What the layers read next [I]."""
        frame = self.waiting.popleft()
        return self._around.nothing if frame is None else self._around.inputs(frame)

    def take(self, y: Tensor) -> None:
        """An output of the layers [H]. Errors: RecurraError for one that is no number"""
        if (logits := self._around.said(y)) is None:
            return
        if not bool(logits.isfinite().all()):
            raise RecurraError("what the model says of this frame is no number; its values are too large for it")
        self._answers.append(_document(self._hearing.label(logits)))


def _document(one: Streamed) -> dict[str, Any]:
    seconds = {} if one.seconds is None else {"seconds": one.seconds}
    return {"frame": one.frame + 1, "label": one.label, "probability": one.probability} | seconds
