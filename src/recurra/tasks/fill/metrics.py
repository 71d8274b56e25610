"""What the scores of a model of blanks are."""

from __future__ import annotations

from recurra.report.metric import Metric

METRICS = (
    Metric("top1", "First candidate right", "top1", "%", "higher"),
    Metric("top5", "Among 5 candidates", "top5", "%", "higher"),
    Metric("perplexity", "Perplexity", "perplexity", "", "lower"),
    Metric("forward_top1", "First right, left context only", "left top1", "%", "higher"),
    Metric("backward_top1", "First right, right context only", "right top1", "%", "higher"),
    Metric("loss", "Loss", "loss", "nats per blank", "lower"),
)
