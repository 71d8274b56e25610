"""What can be set about a classifier, and what it starts from."""

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
from recurra.topologies.settings import ClassifierSettings
from recurra.training.settings import LARGEST, EnsembleSettings, TruncatedSettings


class ClassifyDataSettings(
    TextSettings, LabelledSettings, DividedSettings, LengthSettings, RepeatsSettings, DrawnSettings
):
    """Labelled texts."""


class ClassifyTrainingSettings(EnsembleSettings, TruncatedSettings):
    """Batches by tokens, crops of texts, rare classes."""

    batch_tokens: int | None = Field(None, ge=1, le=LARGEST, description="largest number of padded tokens per batch")
    crop: float = Field(0.0, ge=0, le=1, description="share of the texts that an epoch shows only a few clauses of")
    balance: float = Field(
        0.0, ge=0, le=1, description="0: classes as frequent as in the data, 1: all equally frequent"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the target's weight that is spread over all classes"
    )


ClassifySettings = Settings[ClassifyDataSettings, ClassifierSettings, ClassifyTrainingSettings]

DEFAULTS = Defaults(
    Settings(
        ClassifyDataSettings(min_count=2),
        ClassifierSettings(
            cell="gru", hidden_size=128, bidirectional=True, pooling="all", dropout=0.5, embedding_dropout=0.1
        ),
        ClassifyTrainingSettings(batch_size=128, batch_tokens=1 << 14, learning_rate=4e-3),
    ),
    epochs=12,
)
