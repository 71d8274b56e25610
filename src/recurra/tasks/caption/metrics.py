"""What a captioner's scores are."""

from __future__ import annotations

from recurra.report.metric import Metric

METRICS = (
    Metric("bleu4", "BLEU-4", "BLEU-4", "", "higher"),
    Metric("bleu3", "BLEU-3", "BLEU-3", "", "higher"),
    Metric("bleu2", "BLEU-2", "BLEU-2", "", "higher"),
    Metric("bleu1", "BLEU-1", "BLEU-1", "", "higher"),
    Metric("exact", "Exact match", "exact", "%", "higher"),
    Metric("perplexity", "Perplexity", "perplexity", "", "lower"),
    Metric("loss", "Loss", "loss", "nats per token", "lower"),
    Metric("left_out", "Left out", "left out"),
)
"""exact: the caption is one of the references; left_out: pictures without captions, and captions without pictures."""
