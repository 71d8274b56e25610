"""What can be set about where sequences of numbers stand: in tables, or in recordings of sound."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from recurra.tasks.settings import DataSettings, DividedSettings, DrawnSettings, LabelledSettings, Marks


class SoundSettings(BaseModel):
    """Which recordings there are, and what is heard of them. Units: as the names say"""

    MARKS: ClassVar[Marks] = {
        "reading": ("path", "names"),
        "of_files": ("path", "names", "validation_where", "test_where"),
        "learned": ("sample_rate", "frame_ms", "hop_ms", "mels", "trim_db", "floor_db"),
    }

    path: str | None = Field(None, description="column of the recordings' paths (sound)")
    names: str | None = Field(
        None, description="what names of recordings hold, as {label}_{speaker}_{take}; fields serve as columns (sound)"
    )
    test_where: str | None = Field(
        None, description="recordings of the test part, by a column or field: take=0,1,2 or speaker=theo (sound)"
    )
    validation_where: str | None = Field(None, description="those of the validation part, the same way (sound)")
    sample_rate: int | None = Field(
        None, ge=1_000, le=384_000, description="samples a second; most recordings' own if not given (sound)"
    )
    frame_ms: float = Field(25.0, gt=0, le=10_000, description="length of a frame (sound)")
    hop_ms: float = Field(10.0, gt=0, le=10_000, description="from a frame to the next (sound)")
    mels: int = Field(40, ge=1, le=512, description="bands of the mel scale, the numbers of a frame (sound)")
    trim_db: float = Field(
        0.0, ge=0, le=200, description="leave out ends that are so far below the loudest frame, 0 for none (sound)"
    )
    floor_db: float = Field(
        0.0, ge=0, le=200, description="add noise to bands, so far below the loudest frame, 0 for none (sound)"
    )


class SequenceSettings(SoundSettings, DataSettings, LabelledSettings, DividedSettings, DrawnSettings):
    """Which columns of a table are what. What is None is found by name."""

    MARKS: ClassVar[Marks] = {
        "reading": ("encoding", "id", "time", "group", "channels", "sort", "decimal", "thousands"),
        "of_files": ("encoding", "id", "time", "group", "channels", "sort", "decimal", "thousands"),
    }

    id: str | None = Field(None, description="column that names each row's series")
    time: str | None = Field(None, description="column of the times, several as DATE,HOUR; none for numbered rows")
    group: str | None = Field(
        None, description="column of what may not be divided between parts: speaker, user, recording"
    )
    channels: tuple[str, ...] = Field((), max_length=100_000, description="columns of numbers that frames consist of")
    sort: bool = Field(False, description="put rows in the order of time")
    decimal: Literal[".", ","] = Field(".", description="sign before decimals")
    thousands: Literal["", ",", ".", "'", " "] = Field("", description="sign between thousands")
    encoding: str = Field("utf-8", description="encoding of text files")
