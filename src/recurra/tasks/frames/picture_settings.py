"""What can be set about clips and pictures."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from recurra.tasks.settings import DataSettings, Marks
from recurra.training.settings import TrainingSettings


class PictureSettings(DataSettings):
    """What pictures become."""

    MARKS: ClassVar[Marks] = {"learned": ("image_height", "image_width", "colour")}

    image_height: int | None = Field(
        None, ge=1, le=4096, description="rows of pixels that pictures are brought to; as most are if not given"
    )
    image_width: int | None = Field(None, ge=1, le=4096, description="pixels of a row that pictures are brought to")
    colour: Literal["auto", "grey", "rgb"] = Field("auto", description="what pictures are read as; auto: as they are")


class MovingSettings(TrainingSettings):
    """How clips are varied in training."""

    move: float = Field(0.0, ge=0, lt=1, description="clips are moved by up to this share of their sides (clips)")
