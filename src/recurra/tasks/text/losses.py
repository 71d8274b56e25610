"""The loss of a model of text under the names of its units."""

from __future__ import annotations

from recurra import metrics


def named_loss(loss: float, level: str) -> dict[str, float]:
    """A loss in nats per token under the names of its units; the bits of one token for characters and bytes."""
    unit = {"char": "character", "bpe": "subword"}.get(level, level)
    found = {f"nats_per_{unit}": loss}
    if level not in ("word", "bpe"):
        found[f"bits_per_{unit}"] = metrics.bits_per_token(loss)
    return found | {"perplexity": metrics.perplexity(loss)}
