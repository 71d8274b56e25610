"""Curves, settings, scores and the report for Weights & Biases.

What is set for wandb holds: WANDB_MODE=offline writes to wandb/ beside the model folder and sends nothing;
WANDB_PROJECT names the project, "recurra" otherwise.
"""

from __future__ import annotations

import os
from typing import Any

from recurra.errors import UsageError
from recurra.training.callbacks import Callback, Ending
from recurra.training.history import Point
from recurra.training.logs.log import Logged, imported, values_of


class WeightsAndBiases(Callback):
    """A run of wandb's for this run; a resumed one goes on in it. Errors: UsageError if wandb cannot start"""

    def __init__(self, run: Logged) -> None:
        self.wandb = load()
        place = run.folder.resolve()
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.run = self.wandb.init(
                project=os.environ.get("WANDB_PROJECT", "recurra"),
                name=place.name,
                id=run.key,
                resume="allow",
                dir=str(place.parent),
                config=dict(run.settings),
                settings=self.wandb.Settings(console="off", silent=run.quiet),
            )
        except self.wandb.errors.Error as error:
            raise UsageError(
                f"wandb cannot start: {error}\nlog in with `wandb login`, or set WANDB_MODE=offline"
            ) from error
        self.run.define_metric("step")
        self.run.define_metric("*", step_metric="step")  # a resumed run may tell of a step again

    def on_evaluation(self, point: Point, best: bool) -> None:
        self.run.log({"step": point.step, "epoch": point.epoch} | values_of(point))

    def on_end(self, ending: Ending) -> None:
        self.run.summary.update({f"result/{name}": value for name, value in ending.metrics.items()})
        page = ending.folder / "report.html"
        if ending.status == "finished" and page.is_file():
            self.run.log({"report": self.wandb.Html(page.read_text(encoding="utf-8"), inject=False)})
        self.run.finish(exit_code=0 if ending.status == "finished" else 1)


open_log = WeightsAndBiases


def load() -> Any:
    """The package. Errors: UsageError if it is not installed"""
    return imported("wandb", "wandb")
