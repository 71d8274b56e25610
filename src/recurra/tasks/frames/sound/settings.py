"""What can be set about sound: where it stands, what its frames are, how it is varied in training."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from recurra.tasks.settings import Marks


class SoundSettings(BaseModel):
    """Which recordings there are, and what is heard of them. Units: as the names say"""

    MARKS: ClassVar[Marks] = {
        "reading": ("path", "start", "end", "names"),
        "of_files": ("path", "start", "end", "names", "validation_where", "test_where"),
        "learned": ("sample_rate", "frame_ms", "hop_ms", "mels"),
    }

    path: str | None = Field(None, description="column of the recordings' paths (sound)")
    start: str | None = Field(
        None, description="column where a labelled part of a recording starts, in seconds (sound)"
    )
    end: str | None = Field(None, description="column where it ends, in seconds (sound)")
    names: str | None = Field(
        None, description="what names of recordings hold, as {label}_{speaker}_{take}; fields serve as columns (sound)"
    )
    test_where: str | None = Field(
        None, description="recordings of the test part, by a column or field: take=0,1,2 or speaker=theo (sound)"
    )
    validation_where: str | None = Field(None, description="those of the validation part, the same way (sound)")
    background: str = Field("background", min_length=1, description="label of frames outside of all events (sound)")
    sample_rate: int | None = Field(
        None, ge=1_000, le=384_000, description="samples a second; most recordings' own if not given (sound)"
    )
    frame_ms: float = Field(25.0, gt=0, le=10_000, description="length of a frame (sound)")
    hop_ms: float = Field(10.0, gt=0, le=10_000, description="from a frame to the next (sound)")
    mels: int = Field(40, ge=1, le=512, description="bands of the mel scale, the numbers of a frame (sound)")


class AugmentationSettings(BaseModel):
    """How recordings are varied in training, each time anew; 0: not at all. Units: as said"""

    gain: float = Field(3.0, ge=0, le=60, description="louder or softer by up to so many dB (sound)")
    noise_db: float = Field(
        30.0, ge=0, le=120, description="noise so many dB below the recording or up to 40 dB softer, 0 for none (sound)"
    )
    shift_ms: float = Field(30.0, ge=0, le=10_000, description="earlier or later by up to so many ms (sound)")
    pitch: float = Field(3.0, ge=0, le=24, description="higher or lower by up to so many semitones (sound)")
    tempo: float = Field(0.1, ge=0, lt=1, description="faster or slower by up to this share (sound)")
    mask_mels: int = Field(4, ge=0, le=512, description="most bands in a row that are hidden, twice (sound)")
    mask_ms: float = Field(30.0, ge=0, le=10_000, description="most ms in a row that are hidden, twice (sound)")
