"""What can be set about a translator, and what it starts from."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from recurra.tasks.decoding.settings import DecoderTrainingSettings
from recurra.tasks.settings import (
    Defaults,
    DrawnSettings,
    LabelledSettings,
    LengthSettings,
    Marks,
    Settings,
    TextSettings,
)
from recurra.topologies.settings import EncoderDecoderSettings


class TranslateDataSettings(TextSettings, LabelledSettings, LengthSettings, DrawnSettings):
    """Pairs of sentences."""

    MARKS: ClassVar[Marks] = {"reading": ("languages", "swap"), "of_files": ("parallel", "languages", "swap")}

    parallel: str | None = Field(None, description="file with the translations, line by line")
    languages: str | None = Field(None, description="source and target, as in en,de, of <part>.<language>")
    swap: bool = Field(False, description="translate in the other direction")
    too_long: Literal["cut", "drop"] = Field(
        "drop", description="truncate or drop training pairs longer than max-length"
    )


class TranslateTrainingSettings(DecoderTrainingSettings):
    """How pairs are learned."""

    piece_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the merges of sub-words left out in training, anew in every epoch"
    )


TranslateSettings = Settings[TranslateDataSettings, EncoderDecoderSettings, TranslateTrainingSettings]

DEFAULTS = Defaults(
    Settings(
        TranslateDataSettings(level="bpe", max_length=100, split=(0.9, 0.05, 0.05)),
        EncoderDecoderSettings(
            cell="gru",
            hidden_size=256,
            embedding_size=256,
            bidirectional=True,
            dropout=0.2,
            tie_weights=True,
            attention="additive",  # products grow until all weight lies on one place, where attention learns no more
        ),
        TranslateTrainingSettings(batch_size=64, learning_rate=2e-3, label_smoothing=0.1),
    ),
    epochs=10,
)
