"""What can be set about a model of frames, and what it starts from."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from recurra.tasks.frames.picture_settings import MovingSettings, PictureSettings
from recurra.tasks.frames.sound.settings import AugmentationSettings, EventSettings
from recurra.tasks.sequences.settings import SequenceSettings
from recurra.tasks.settings import Defaults, Marks, Settings
from recurra.topologies.settings import FrameSettings
from recurra.training.settings import LARGEST, TrainingSettings


class FramesDataSettings(PictureSettings, EventSettings, SequenceSettings):
    """How frames are scaled."""

    MARKS: ClassVar[Marks] = {"learned": ("scale", "root")}

    scale: Literal["training", "sequence", "mean"] = Field(
        "training",
        description="mean and deviation of channels: the training part's, each sequence's own, or mean: its own mean "
        "and their deviation from it in the training part",
    )
    root: bool = Field(
        False,
        description="take the square root of values, signs kept, before they are scaled: rare large ones weigh less",
    )
    block_frames: int | None = Field(
        None,
        ge=1,
        le=LARGEST,
        description="cut recordings with a label a frame into blocks of so many before they are divided",
    )


class FramesTrainingSettings(MovingSettings, AugmentationSettings, TrainingSettings):
    """Pieces of long sequences, noise, rare classes."""

    max_frames: int | None = Field(
        None, ge=1, le=LARGEST, description="longer sequences with a label a frame are trained in pieces of so many"
    )
    noise: float = Field(
        0.0, ge=0, le=10, description="deviation of noise added to frames in training, of scaled values"
    )
    balance: float = Field(0.0, ge=0, le=1, description="0: classes as frequent as they are, 1: all alike")


FramesSettings = Settings[FramesDataSettings, FrameSettings, FramesTrainingSettings]

DEFAULTS = Defaults(
    Settings(
        FramesDataSettings(),
        FrameSettings(cell="gru", hidden_size=64, bidirectional=True, pooling="all", dropout=0.3),
        FramesTrainingSettings(batch_size=16, learning_rate=3e-3, max_frames=200, noise=0.1),
    ),
    epochs=30,
    by_kind={
        "sounds": {"noise": 0.0, "batch_size": 8},
        "events": {"noise": 0.0, "bidirectional": False, "delay": 10, "max_frames": 300, "batch_size": 4},
        "clips": {"batch_size": 8, "learning_rate": 2e-3, "move": 0.1},
    },
)
