"""Curves, settings, scores and the report for MLflow.

What is set for MLflow holds: MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME ("recurra" otherwise). Without a server it
writes where `mlflow ui` looks in the same folder.
"""

from __future__ import annotations

import os
from typing import Any

from recurra.errors import UsageError
from recurra.training.callbacks import Callback, Ending
from recurra.training.history import Point
from recurra.training.logs.log import Logged, imported, values_of

KEY = "recurra.run"
"""The tag by which a resumed run finds itself."""
LONGEST = 250
"""Characters of a setting's value."""
STATUS = {"finished": "FINISHED", "stopped": "KILLED", "diverged": "FAILED"}


class MLflow(Callback):
    """A run of MLflow's for this run; a resumed one goes on in it. Errors: UsageError if MLflow cannot start"""

    def __init__(self, run: Logged) -> None:
        mlflow = load()
        try:
            self.client = mlflow.MlflowClient()
            experiment = self._experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", "recurra"))
            found = self.client.search_runs([experiment], f"tags.`{KEY}` = '{run.key}'", max_results=1)
            if found:
                self.id = found[0].info.run_id
                self.client.update_run(self.id, status="RUNNING")
                return
            name = run.folder.resolve().name
            self.id = self.client.create_run(experiment, tags={KEY: run.key}, run_name=name).info.run_id
            for setting, value in run.settings.items():  # once: MLflow lets none change
                self.client.log_param(self.id, setting, str(value)[:LONGEST])
        except mlflow.exceptions.MlflowException as error:
            message = str(error).partition("\n")[0]
            raise UsageError(f"mlflow cannot start at {mlflow.get_tracking_uri()}: {message}") from error

    def on_evaluation(self, point: Point, best: bool) -> None:
        for name, value in ({"epoch": point.epoch} | values_of(point)).items():
            self.client.log_metric(self.id, name, value, step=point.step)

    def on_end(self, ending: Ending) -> None:
        for name, value in ending.metrics.items():
            self.client.log_metric(self.id, f"result/{name}", value)
        page = ending.folder / "report.html"
        if ending.status == "finished" and page.is_file():
            self.client.log_artifact(self.id, str(page))
        self.client.set_terminated(self.id, STATUS[ending.status])

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        return str(self.client.create_experiment(name) if found is None else found.experiment_id)


open_log = MLflow


def load() -> Any:
    """The package. Errors: UsageError if it is not installed"""
    return imported("mlflow", "mlflow")
