"""What can be set about a conditioned generator, and what it starts from."""

from __future__ import annotations

from pydantic import Field

from recurra.tasks.settings import (
    Defaults,
    DividedSettings,
    DrawnSettings,
    LabelledSettings,
    LengthSettings,
    RepeatsSettings,
    Settings,
    TextSettings,
)
from recurra.topologies.settings import ConditionedSettings
from recurra.training.settings import TrainingSettings


class GenerateDataSettings(
    TextSettings, LabelledSettings, DividedSettings, LengthSettings, RepeatsSettings, DrawnSettings
):
    """Texts with a class or attributes; tunes."""

    transpose: bool = Field(False, description="learn each tune in other keys too")


GenerateSettings = Settings[GenerateDataSettings, ConditionedSettings, TrainingSettings]

DEFAULTS = Defaults(
    Settings(
        GenerateDataSettings(),
        ConditionedSettings(cell="lstm", hidden_size=192, embedding_size=48, dropout=0.3, recurrent_dropout=0.25),
        TrainingSettings(batch_size=32, learning_rate=3e-3),
    ),
    epochs=25,
    by_kind={
        "tunes": {"transpose": True, "batch_size": 8, "learning_rate": 5e-3, "dropout": 0.1, "recurrent_dropout": 0.0}
    },  # they are few and long, and other keys make more of them
)
