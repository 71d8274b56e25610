"""Curves for TensorBoard, in tensorboard/ beside the model folder."""

from __future__ import annotations

from typing import Any

from recurra.training.callbacks import Callback, Ending
from recurra.training.history import Point
from recurra.training.logs.log import Logged, imported, values_of


class TensorBoard(Callback):
    """Writes every evaluation to an event file; what a resumed run had written past its step is written anew."""

    def __init__(self, run: Logged) -> None:
        place = run.folder.resolve()
        folder = place.parent / "tensorboard" / place.name
        self.step = run.begun
        self.writer = load()(str(folder), purge_step=run.begun + 1 if run.begun else None)

    def on_evaluation(self, point: Point, best: bool) -> None:
        self.step = point.step
        for name, value in values_of(point).items():
            self.writer.add_scalar(name, value, point.step)
        self.writer.flush()

    def on_end(self, ending: Ending) -> None:
        for name, value in ending.metrics.items():
            self.writer.add_scalar(f"result/{name}", value, self.step)
        self.writer.close()


open_log = TensorBoard


def load() -> Any:
    """torch's writer of event files. Errors: UsageError if TensorBoard is not installed"""
    return imported("torch.utils.tensorboard", "tensorboard").SummaryWriter
