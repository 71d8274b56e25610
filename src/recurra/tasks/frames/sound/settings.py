"""What can be set about sound: what happens in recordings, and how they are varied in training."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from recurra.tasks.settings import Marks


class EventSettings(BaseModel):
    """Where the labelled parts of recordings begin and end."""

    MARKS: ClassVar[Marks] = {"reading": ("start", "end"), "of_files": ("start", "end")}

    start: str | None = Field(
        None, description="column where a labelled part of a recording starts, in seconds (sound)"
    )
    end: str | None = Field(None, description="column where it ends, in seconds (sound)")
    background: str = Field("background", min_length=1, description="label of frames outside of all events (sound)")


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
