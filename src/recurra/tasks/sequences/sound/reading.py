"""Recordings read as sequences of frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recurra.data.frames.sequences import Frames, Recordings
from recurra.data.sound.listing import Asked, Listed, check_pattern, read_folder, read_listing
from recurra.data.sound.recording import rate_of
from recurra.data.splits import PART_NAMES, PARTS
from recurra.errors import DataError, UsageError, listed, nearest, quoted
from recurra.tasks.sequences.sound.heard import Heard, hear, heard
from recurra.tasks.sequences.sound.log_mel import LogMel
from recurra.tasks.sources.source import Source, in_memory

if TYPE_CHECKING:
    from recurra.tasks.sequences.settings import SequenceSettings

KINDS = ("sounds", "events")
"""Sources of recordings: with a label each, or with what happens when."""
ROUNDED = 0.05
"""Seconds by which the end of an event may lie behind that of its recording."""


@dataclass(frozen=True)
class Events:
    """Columns where labelled parts of recordings begin and end, found by name if None; the label of what is outside."""

    start: str | None = None
    end: str | None = None
    background: str = "background"


@in_memory
def read_sounds(
    source: Source,
    settings: SequenceSettings,
    kept: LogMel | None = None,
    *,
    events: Events | None = None,
    labelled: bool = True,
) -> tuple[dict[str, Recordings], LogMel]:
    """By part, or all under "all"; and what the frames are. kept: these, of a model. Errors: DataError, UsageError"""
    events = events or Events()
    found: dict[str, list[Listed]] = {}
    notes: list[str] = []
    for part, path in source.files.items():
        found[part], more = _listed(path, settings, events, labelled=labelled)
        notes += more
    every = [one for some in found.values() for one in some]
    sound = kept or LogMel(
        settings.sample_rate or _usual_rate(every),
        settings.frame_ms,
        settings.hop_ms,
        settings.mels,
        settings.trim_db or None,
        settings.floor_db or None,
    )
    if sound.whole is not None and source.kind == "events":
        raise UsageError(f"{sound.whole} is of recordings with one label; here something happens from when to when")
    read = heard([one.path for one in every], sound)
    sequences: dict[str, list[Frames]] = {}
    each = iter(read)
    for part, some in found.items():
        sequences[part] = [frames_of(one, next(each), sound, settings, events, labelled=labelled) for one in some]
    if sequences.keys() == {"all"}:
        sequences = _by_part(every, sequences["all"], settings)
    made = {
        part: Recordings(some, sound.channels, [*notes, *_notes(read, sequences, sound)])
        for part, some in sequences.items()
    }
    return made, sound


def frames_of(
    one: Listed, recording: Heard, sound: LogMel, settings: SequenceSettings, events: Events, *, labelled: bool
) -> Frames:
    """A recording as a sequence. Errors: DataError for events outside of it"""
    values = recording.frames.astype(np.float64)
    labels: tuple[str, ...] = ()
    if labelled and one.events is not None:
        labels = _labels(one, recording, sound, len(values), events.background)
    elif labelled:
        labels = (one.label,)
    group = "" if settings.group is None else _field(one, settings.group, "group")
    return Frames(one.path.stem, values, labels, group, file=one.path, samples=recording.samples)


def of_file(path: Path, sound: LogMel) -> Frames:
    """A recording that nothing is said of. Errors: DataError"""
    one = hear(path, sound)
    return Frames(path.stem, one.frames.astype(np.float64), (), file=path, samples=one.samples)


def _listed(
    path: Path, settings: SequenceSettings, events: Events, *, labelled: bool
) -> tuple[list[Listed], list[str]]:
    asked = Asked(settings.path, settings.label, events.start, events.end, settings.names)
    fields = () if settings.names is None else check_pattern(settings.names)
    if path.is_dir():
        found, notes = read_folder(path, asked, labelled=labelled)
        return found, notes
    found = read_listing(path, asked, encoding=settings.encoding, labelled=labelled)
    if fields:
        raise UsageError(f"names are read of a folder of recordings; {path.name} has columns")
    return found, []


def _usual_rate(every: Sequence[Listed]) -> int:
    """The rate of most recordings; of several, the lowest."""
    counts = Counter(rate_of(one.path) for one in every)
    return min(counts, key=lambda rate: (-counts[rate], rate))


def _labels(one: Listed, recording: Heard, sound: LogMel, count: int, background: str) -> tuple[str, ...]:
    made = [background] * count
    middles = np.array([sound.middle(k) for k in range(count)])
    for event in one.events or ():
        if event.end > recording.seconds + ROUNDED:
            raise DataError(
                f"{quoted(event.label)} goes from {event.start:g} s to {event.end:g} s; {one.path.name} is "
                f"{recording.seconds:.3f} s long",
                remedy="are these seconds, and of this recording?",
                file=one.table,
                line=event.line,
            )
        for k in np.flatnonzero((middles >= event.start) & (middles < event.end)).tolist():
            made[k] = event.label
    return tuple(made)


def _field(one: Listed, name: str, what: str) -> str:
    if name not in one.fields:
        near = nearest(name, one.fields)
        where = {"file": one.table, "line": one.line} if one.line else {"file": one.path}
        remedy = "did you mean " + repr(near) + "?" if near is not None else ""
        raise DataError(
            f"nothing says the {what}, {quoted(name)}, of this recording; there are {listed(one.fields)}",
            remedy=remedy or "columns of a table and fields of --names do",
            **where,
        )
    return one.fields[name]


def _by_part(every: list[Listed], sequences: list[Frames], settings: SequenceSettings) -> dict[str, list[Frames]]:
    """As a column, a condition or a folder says; all under "all" if nothing does."""
    rules = {
        part: _condition(text, name)
        for part, name, text in (
            ("test", "test_where", settings.test_where),
            ("validation", "validation_where", settings.validation_where),
        )
        if text is not None
    }
    column = settings.split_column
    if column is None and not rules:
        said = ["part" in one.fields and one.fields["part"].lower() in PART_NAMES for one in every]
        if not every or not all(said):
            return {"all": sequences}
        column = "part"
    elif column is not None and rules:
        raise UsageError("split_column and test_where or validation_where exclude each other; give one of them")
    parts: dict[str, list[Frames]] = {}
    for one, sequence in zip(every, sequences, strict=True):
        part = "train"
        if column is not None:
            cell = _field(one, column, "part")
            if cell.lower() not in PART_NAMES:
                raise DataError(
                    f"{quoted(cell, 40)} in {quoted(column)} names no part",
                    remedy=f"they are {', '.join(PARTS)}",
                    file=one.table if one.line else one.path,
                    line=one.line or None,
                )
            part = PART_NAMES[cell.lower()]
        for name, (field, values) in rules.items():
            if _field(one, field, "value") in values:
                part = name
        parts.setdefault(part, []).append(replace(sequence, part=part))
    for name, (field, values) in rules.items():
        if name not in parts:
            known = sorted({one.fields[field] for one in every})
            raise DataError(f"no recording has {field}={','.join(values)}; there are {listed(known)}")
    if "train" not in parts:
        raise DataError(f"no recording is of the train part, only of {listed(parts)}", file=every[0].path.parent)
    _check_groups(parts)
    return parts


def _check_groups(parts: dict[str, list[Frames]]) -> None:
    """Errors: DataError for a group on both sides"""
    home: dict[str, str] = {}
    for part, some in parts.items():
        for one in some:
            if one.group and home.setdefault(one.group, part) != part:
                raise DataError(
                    f"the group {quoted(one.group)} stands in the {home[one.group]} part and in the {part} part",
                    remedy="divide by group, or leave --group out",
                    file=one.file,
                )


def _condition(text: str, name: str) -> tuple[str, tuple[str, ...]]:
    field, sign, values = text.partition("=")
    if not sign or not field.strip() or not values.strip():
        raise UsageError(f"{name} is a column or a field and its values, as in speaker=theo,lucas; got {text!r:.80}")
    return field.strip(), tuple(value.strip() for value in values.split(","))


def _notes(read: list[Heard], sequences: dict[str, list[Frames]], sound: LogMel) -> list[str]:
    seconds = sum(one.seconds for one in read)
    kept = sum(len(one.samples) for some in sequences.values() for one in some if one.samples is not None)
    found = [
        f"{len(read):,} recordings, {seconds:,.0f} s, as log-mel energies: {sound.mels} bands, frames of "
        f"{sound.frame_ms:g} ms every {sound.hop_ms:g} ms at {sound.rate:,} samples a second"
    ]
    if sound.trim_db is not None:
        found.append(
            f"{seconds - kept / sound.rate:,.0f} s at their beginnings and ends, over {sound.trim_db:g} dB below the "
            "loudest frame, are left out"
        )
    others = Counter(one.file_rate for one in read if one.file_rate != sound.rate)
    found += [
        f"{count:,} of {len(read):,} recordings are of {rate:,} samples a second: resampled to {sound.rate:,}"
        for rate, count in sorted(others.items())
    ]
    mixed = sum(one.channels > 1 for one in read)
    if mixed:
        most = max(one.channels for one in read)
        found.append(f"{mixed:,} of {len(read):,} recordings have 2 to {most} channels: their mean is heard")
    short = sum(
        len(one.samples) < sound.frame for some in sequences.values() for one in some if one.samples is not None
    )
    if short:
        found.append(f"{short:,} recordings are shorter than a frame of {sound.frame_ms:g} ms: silence is added")
    return found
