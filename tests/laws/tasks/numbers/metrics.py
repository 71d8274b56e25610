"""What its scores are."""

from __future__ import annotations

from recurra.report.metric import Metric

METRICS = (
    Metric("mean_absolute_error", "Mean absolute error", "error", "", "lower"),
    Metric("loss", "Loss", "loss", "nats per number", "lower"),
)
