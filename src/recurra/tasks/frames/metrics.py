"""What the scores of frames are."""

from __future__ import annotations

from recurra.report.metric import Metric

METRICS = (
    Metric("accuracy", "Accuracy", "accuracy", "%", "higher"),
    Metric("macro_f1", "Macro-F1", "macro-F1", "", "higher"),
    Metric("balanced_accuracy", "Balanced accuracy", "balanced", "%", "higher"),
    Metric("loss", "Loss", "loss", "nats per sequence", "lower"),
    Metric("missing_values", "Values missing", "missing"),
)
"""Of sequences, or of frames where each has a label; the loss's unit says which."""
