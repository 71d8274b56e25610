"""What a notebook shows of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurra.api.quantising import whose_figures
from recurra.report.best import best_baseline
from recurra.report.card import Card
from recurra.report.metric import find
from recurra.report.numbers import write_count, write_seconds
from recurra.report.record import Baseline
from recurra.tasks import registry

if TYPE_CHECKING:
    from recurra.api.run import Run


def card_of_run(run: Run) -> Card:
    """Its scores beside the best baseline's, its validation loss, where its report is."""
    metrics, network = run.metrics, run.settings.network
    baselines = [Baseline(each["name"], each["metrics"]) for each in metrics["baselines"]]
    rows = []
    for name, value in (metrics["metrics"] or {}).items():
        metric = find(registry.get(run.task).metrics, name)
        best = best_baseline(metric, baselines)
        beside = [] if best is None else [metric.write(best[1]), best[0]]
        rows.append([metric.heading, metric.write(value), *beside])
    status = "" if metrics["status"] == "finished" else f", {metrics['status']}"
    shape = (
        f"{network.cell} {network.num_layers} x {network.hidden_size}, {write_count(metrics['parameters'])} parameters"
    )
    trained = f"{write_seconds(metrics['seconds'])} of training"
    whose = [] if run.stored.quantised is None else [whose_figures(run.stored.quantised.model_dump())]
    page = run.folder / "report.html"
    return Card(
        title=str(run.folder),
        subtitle=f"{run.task} on {run.stored.name}, {shape}, {trained}{status}",
        head=["", f"{metrics['evaluated_on']} part", "best baseline", ""] if rows else [],
        rows=rows,
        history=run.history,
        lines=[*whose, *([f"report: {page}"] if page.is_file() else [])],
    )
