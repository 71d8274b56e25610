"""What can be set about a model of frames, and what it starts from."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from recurra.tasks.frames.picture_settings import MovingSettings, PictureSettings
from recurra.tasks.frames.sound.settings import AugmentationSettings, SoundSettings
from recurra.tasks.settings import (
    DataSettings,
    Defaults,
    DividedSettings,
    DrawnSettings,
    LabelledSettings,
    Marks,
    Settings,
)
from recurra.topologies.settings import FrameSettings
from recurra.training.settings import LARGEST, TrainingSettings


class FramesDataSettings(
    PictureSettings, SoundSettings, DataSettings, LabelledSettings, DividedSettings, DrawnSettings
):
    """Which columns of a table are what. What is None is found by name."""

    MARKS: ClassVar[Marks] = {
        "reading": ("encoding", "id", "time", "group", "channels", "sort", "decimal", "thousands"),
        "of_files": ("encoding", "id", "time", "group", "channels", "sort", "decimal", "thousands"),
        "learned": ("scale", "root"),
    }

    id: str | None = Field(None, description="column that names each row's series")
    time: str | None = Field(None, description="column of the times, several as DATE,HOUR; none for numbered rows")
    group: str | None = Field(
        None, description="column of what may not be divided between parts: speaker, user, recording"
    )
    channels: tuple[str, ...] = Field((), max_length=100_000, description="columns of numbers that frames consist of")
    scale: Literal["training", "sequence"] = Field(
        "training", description="mean and deviation of channels: the training part's, or each sequence's own"
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
    sort: bool = Field(False, description="put rows in the order of time")
    decimal: Literal[".", ","] = Field(".", description="sign before decimals")
    thousands: Literal["", ",", ".", "'", " "] = Field("", description="sign between thousands")
    encoding: str = Field("utf-8", description="encoding of text files")


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
