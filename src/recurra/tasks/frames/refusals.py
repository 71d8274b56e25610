"""Settings of one kind of data that would have no effect on another."""

from __future__ import annotations

from recurra.tasks.frames.settings import DEFAULTS, FramesSettings
from recurra.tasks.frames.sound.settings import AugmentationSettings, EventSettings
from recurra.tasks.sequences.refusals import OF_SOUND, refuse_other_kinds
from recurra.tasks.sources.source import SourceKind

SOUNDS = ("sounds", "events")
HEARD = (*OF_SOUND, *EventSettings.model_fields, *AugmentationSettings.model_fields)


def refuse_others(kind: SourceKind, settings: FramesSettings) -> None:
    """Errors: UsageError for a setting of sound where there is none, of tables of numbers where there is sound"""
    start = DEFAULTS.settings.changed(**DEFAULTS.by_kind.get(kind, {}))
    here, usual = ({k: v for group in each.groups().values() for k, v in group} for each in (settings, start))
    refuse_other_kinds(here, usual, sound=kind in SOUNDS, of_sound=HEARD)
