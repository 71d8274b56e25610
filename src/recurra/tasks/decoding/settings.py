"""What a decoder learns from."""

from __future__ import annotations

from pydantic import Field

from recurra.training.settings import TrainingSettings


class DecoderTrainingSettings(TrainingSettings):
    """Of tasks that write a text after something was read."""

    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the target's weight that is spread over all tokens"
    )
    scheduled_sampling: float = Field(
        0.0, ge=0, le=1, description="probability, after a ramp, that the decoder reads its own words; slow"
    )


RAMP_EPOCHS = 5
"""Scheduled sampling rises from none to all of its chance over so many epochs."""


def ramped(chance: float, epochs: float) -> float:
    """The chance of scheduled sampling after so many epochs."""
    return chance * min(1.0, epochs / RAMP_EPOCHS)
