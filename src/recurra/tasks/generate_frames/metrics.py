"""What the scores of a generator of frames are."""

from __future__ import annotations

from recurra.report.metric import Metric

METRICS = (
    Metric("nats_per_number", "Nats per number", "nats per number", "nats per number", "lower"),
    Metric("loss", "Loss", "loss", "nats per number", "lower"),
)
"""Minus the logarithm of a density of scaled numbers, which may be above 1: negative is better still."""
