"""The loss of a model of text under the names of its units."""

from __future__ import annotations

from recurra import metrics
from recurra.report.metric import Metric

UNITS = {"char": "character", "word": "word", "byte": "byte", "bpe": "sub-word"}
"""What a token of each level is called."""
METRICS = (
    *(
        Metric(f"nats_per_{unit.replace('-', '')}", f"Nats per {unit}", f"nats per {unit}", f"nats per {unit}", "lower")
        for unit in UNITS.values()
    ),
    *(
        Metric(f"bits_per_{unit}", f"Bits per {unit}", f"bits per {unit}", f"bits per {unit}", "lower")
        for unit in ("character", "byte")
    ),
    Metric("perplexity", "Perplexity", "perplexity", "", "lower"),
    Metric("loss", "Loss", "loss", "nats per token", "lower"),
)


def named_loss(loss: float, level: str) -> dict[str, float]:
    """A loss in nats per token under the names of its units; the bits of one token for characters and bytes."""
    unit = UNITS[level].replace("-", "")
    found = {f"nats_per_{unit}": loss}
    if level not in ("word", "bpe"):
        found[f"bits_per_{unit}"] = metrics.bits_per_token(loss)
    return found | {"perplexity": metrics.perplexity(loss)}
