"""What data of sequences cannot be read by: settings of another kind of data, channels that a run has not learned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from recurra.data.frames.sequences import Recordings
from recurra.errors import DataError, UsageError, listed
from recurra.tasks.sequences.settings import SoundSettings

OF_SOUND = tuple(SoundSettings.model_fields)
OF_TABLES = ("id", "time", "channels", "sort", "decimal", "thousands")


def refuse_other_kinds(
    here: Mapping[str, Any], usual: Mapping[str, Any], *, sound: bool, of_sound: Iterable[str] = OF_SOUND
) -> None:
    """here, usual: settings and what they are if nobody sets them; sound: whether that is what these data are

    Errors: UsageError for a setting of sound where there is none, of tables of numbers where there is sound
    """
    names, what = (OF_TABLES, "tables of numbers") if sound else (of_sound, "sound")
    for name in names:
        if here[name] != usual[name]:
            raise UsageError(f"{name} is a setting of {what}; these data are {'sound' if sound else 'none'}")


def check_channels(recordings: Recordings, channels: tuple[str, ...]) -> None:
    """channels: those of the training part. Errors: DataError for others"""
    if recordings.sequences and recordings.channels != channels:
        raise DataError(
            f"the model was trained on the channels {listed(channels, 8)}, here they are "
            f"{listed(recordings.channels, 8)}",
            remedy="give data with the same channels; --channels names columns",
            file=recordings.sequences[0].file,
        )
