"""What can be set about a tagger, and what it starts from."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from recurra.tasks.settings import (
    Defaults,
    DrawnSettings,
    LabelledSettings,
    LengthSettings,
    Marks,
    Settings,
    TextSettings,
)
from recurra.topologies.settings import TaggerSettings
from recurra.training.settings import EnsembleSettings, TrainingSettings


class TagDataSettings(TextSettings, LabelledSettings, LengthSettings, DrawnSettings):
    """Tokens with tags."""

    MARKS: ClassVar[Marks] = {"reading": ("scheme", "strict", "skip_lines"), "of_files": ("scheme", "skip_lines")}

    scheme: Literal["auto", "none", "bio", "iob1", "bmes", "bioes", "bilou"] = Field(
        "auto", description="how tags mark spans; none for tags without spans"
    )
    strict: bool = Field(False, description="refuse what would be repaired or left out, such as invalid BIO tags")
    skip_lines: tuple[str, ...] = Field((), description="lines to leave out, as FILE:LINE,...")


class TagTrainingSettings(EnsembleSettings, TrainingSettings):
    """As every training, of one network or of several."""


TagSettings = Settings[TagDataSettings, TaggerSettings, TagTrainingSettings]

DEFAULTS = Defaults(
    Settings(
        TagDataSettings(min_count=2, normalize=("lowercase",)),
        TaggerSettings(
            cell="lstm",
            hidden_size=128,
            embedding_size=100,
            bidirectional=True,
            dropout=0.5,
            embedding_dropout=0.2,
            crf=True,
        ),
        TagTrainingSettings(batch_size=32, learning_rate=4e-3),
    ),
    epochs=16,
    fewest_tokens=800_000,
)
