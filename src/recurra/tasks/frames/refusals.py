"""Settings of one kind of data that would have no effect on another."""

from __future__ import annotations

from recurra.errors import UsageError
from recurra.tasks.frames.settings import DEFAULTS, FramesSettings
from recurra.tasks.frames.sound.settings import AugmentationSettings
from recurra.tasks.sequences.settings import SoundSettings
from recurra.tasks.sources.file_kinds import SourceKind

OF_SOUND = (*SoundSettings.model_fields, *AugmentationSettings.model_fields)
OF_TABLES = ("id", "time", "channels", "sort", "decimal", "thousands")
SOUNDS = ("sounds", "events")


def refuse_others(kind: SourceKind, settings: FramesSettings) -> None:
    """Errors: UsageError for a setting of sound where there is none, of tables of numbers where there is sound"""
    start = DEFAULTS.settings.changed(**DEFAULTS.by_kind.get(kind, {}))
    names, what = (OF_TABLES, "tables of numbers") if kind in SOUNDS else (OF_SOUND, "sound")
    usual = {name: value for group in start.groups().values() for name, value in group}
    here = {name: value for group in settings.groups().values() for name, value in group}
    for name in names:
        if here[name] != usual[name]:
            raise UsageError(f"{name} is a setting of {what}; these data are {'sound' if kind in SOUNDS else 'none'}")
