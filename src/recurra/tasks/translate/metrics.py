"""What a translator's scores are."""

from __future__ import annotations

from recurra.report.metric import Metric

METRICS = (
    Metric("bleu", "BLEU", "BLEU", "", "higher"),
    Metric("chrf", "chrF", "chrF", "", "higher"),
    Metric("perplexity", "Perplexity", "perplexity", "", "lower"),
    Metric("loss", "Loss", "loss", "nats per token", "lower"),
)
