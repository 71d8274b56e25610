"""What a tagger's scores are."""

from __future__ import annotations

from recurra.report.metric import Metric

METRICS = (
    Metric("span_f1", "Span F1", "span F1", "%", "higher"),
    Metric("span_precision", "Span precision", "precision", "%", "higher"),
    Metric("span_recall", "Span recall", "recall", "%", "higher"),
    Metric("accuracy", "Accuracy", "accuracy", "%", "higher"),
    Metric("loss", "Loss", "loss", "nats per token", "lower"),
    Metric("left_out_lines", "Lines left out", "left out lines"),
    Metric("mended_tags", "Tags mended", "mended tags"),
    Metric("unknown_tags", "Tags unknown to the model", "unknown tags"),
)
