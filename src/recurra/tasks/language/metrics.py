"""What a language model's scores are."""

from __future__ import annotations

from recurra.tasks.text.losses import METRICS

__all__ = ["METRICS"]
