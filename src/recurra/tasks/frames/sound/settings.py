"""What can be set about sound in training: how recordings are varied."""

from __future__ import annotations

from pydantic import BaseModel, Field


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
