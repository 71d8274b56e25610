"""Curves for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.errors import UsageError
from recurra.training.callbacks import Callback, Ending
from recurra.training.history import Point


class TensorBoard(Callback):
    """Writes every evaluation to an event file. folder: where; begun: steps done before, later ones are written anew

    Errors: UsageError if TensorBoard is not installed
    """

    def __init__(self, folder: Path, *, begun: int = 0) -> None:
        self.writer = summary_writer()(str(folder), purge_step=begun + 1 if begun else None)

    def on_evaluation(self, point: Point, best: bool) -> None:
        values = {
            "loss/train": point.train_loss,
            "loss/validation": point.validation_loss,
            "training/learning_rate": point.learning_rate,
            "training/gradient_norm": point.gradient_norm,
        } | {f"validation/{name}": value for name, value in point.validation_metrics.items()}
        for name, value in values.items():
            if value is not None:
                self.writer.add_scalar(name, value, point.step)
        self.writer.flush()

    def on_end(self, ending: Ending) -> None:
        self.writer.close()


def summary_writer() -> Any:
    """torch's writer of event files. Errors: UsageError if TensorBoard is not installed"""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError("the log tensorboard needs TensorBoard; install it: pip install tensorboard") from error
    return SummaryWriter
