"""What a classifier's scores are."""

from __future__ import annotations

from recurra.report.metric import Metric

METRICS = (
    Metric("accuracy", "Accuracy", "accuracy", "%", "higher"),
    Metric("macro_f1", "Macro-F1", "macro-F1", "", "higher"),
    Metric("balanced_accuracy", "Balanced accuracy", "balanced", "%", "higher"),
    Metric("groups_right", "Groups all right", "groups right", "%", "higher"),
    Metric("calibrated_loss", "Calibrated loss", "calibrated", "nats per example", "lower"),
    Metric("loss", "Loss", "loss", "nats per example", "lower"),
    Metric("truncated_texts", "Texts truncated", "truncated"),
)
