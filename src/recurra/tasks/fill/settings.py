"""What can be set about a model of blanks, and what it starts from."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from recurra.tasks.settings import Defaults, DrawnSettings, LengthSettings, Marks, Settings, TextSettings
from recurra.topologies.settings import BlankFillerSettings
from recurra.training.settings import TrainingSettings


class FillDataSettings(TextSettings, LengthSettings, DrawnSettings):
    """Sentences of which tokens are left out."""

    MARKS: ClassVar[Marks] = {"learned": ("blank_tokens",)}

    blank_tokens: int | None = Field(
        None, ge=1, le=8, description="largest blank in tokens; 1 word or 3 characters if not given"
    )


class FillTrainingSettings(TrainingSettings):
    """An output layer over many words."""

    sampled_softmax: int | None = Field(
        None, ge=1, le=1 << 24, description="negative samples of the softmax in training, 0 for the full softmax"
    )


FillSettings = Settings[FillDataSettings, BlankFillerSettings, FillTrainingSettings]

DEFAULTS = Defaults(
    Settings(
        FillDataSettings(split=(0.9, 0.05, 0.05), max_length=100),
        BlankFillerSettings(cell="lstm", hidden_size=256, embedding_size=128, dropout=0.3),
        FillTrainingSettings(batch_size=64, learning_rate=8e-3, sampled_softmax=1000),
    ),
    epochs=4,
)
