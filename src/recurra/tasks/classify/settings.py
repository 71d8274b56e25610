"""What can be set about a classifier, and what it starts from."""

from __future__ import annotations

from pydantic import Field

from recurra.tasks.settings import (
    Defaults,
    DividedSettings,
    LabelledSettings,
    LengthSettings,
    RepeatsSettings,
    Settings,
    TextSettings,
)
from recurra.topologies.settings import ClassifierSettings
from recurra.training.settings import LARGEST, TruncatedSettings


class ClassifyDataSettings(TextSettings, LabelledSettings, DividedSettings, LengthSettings, RepeatsSettings):
    """Labelled texts."""


class ClassifyTrainingSettings(TruncatedSettings):
    """Batches by tokens, crops of texts, rare classes."""

    batch_tokens: int | None = Field(
        None, ge=1, le=LARGEST, description="most padded tokens of a batch: fewer rows where texts are long"
    )
    crop: float = Field(0.0, ge=0, le=1, description="share of the texts of which an epoch shows a few clauses only")
    balance: float = Field(0.0, ge=0, le=1, description="0: classes as frequent as they are, 1: all alike")


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
