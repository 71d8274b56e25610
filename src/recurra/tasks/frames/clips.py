"""Clips and pictures as a source of frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.frames.clip_folders import Layout
from recurra.data.frames.clips import ClipReading, read_clips, read_one
from recurra.data.frames.sequences import PictureShape, Recordings
from recurra.data.frames.table import Columns
from recurra.errors import UsageError
from recurra.tasks.frames.preprocessor import FramesPreprocessor
from recurra.tasks.frames.settings import FramesDataSettings
from recurra.tasks.sources.source import SourceKind

LAYOUTS: Mapping[SourceKind, Layout] = {"clips": "clips", "images": "images"}
OF_TABLES = ("time", "channels", "decimal", "thousands")
OF_PICTURES = ("image_height", "image_width", "colour")


def reading(settings: FramesDataSettings, *, labelled: bool = True) -> ClipReading:
    """What the settings say of clips."""
    columns = Columns(id=settings.id, label=settings.label, group=settings.group, part=settings.split_column)
    return ClipReading(
        columns,
        settings.encoding,
        settings.sort,
        labelled,
        settings.image_height,
        settings.image_width,
        settings.colour,
    )


def read_source(files: Mapping[str, Path], kind: SourceKind, settings: FramesDataSettings) -> dict[str, Recordings]:
    """By part, all under "all" if there are none: pictures of later parts are brought to the size of the first."""
    how, found = reading(settings), {}
    for part, folder in files.items():
        found[part] = read_clips(folder, LAYOUTS[kind], how)
        how = replace(how, shape=found[part].picture)
    return found


def asked_about(path: Path, settings: FramesDataSettings, made: FramesPreprocessor) -> Recordings:
    """What a model of clips or pictures is asked about, a file or a folder."""
    return read_one(path, replace(reading(settings, labelled=False), shape=made.picture))


def as_learned(settings: FramesDataSettings, shape: PictureShape) -> FramesDataSettings:
    """The settings by which pictures become those that a model has learned."""
    size = {"image_height": shape.height, "image_width": shape.width}
    return settings.model_copy(update=size | {"colour": "grey" if shape.channels == 1 else "rgb"})


def refuse_without_effect(kind: SourceKind, settings: FramesDataSettings) -> None:
    """Errors: UsageError for a setting that these data do not read"""
    fields = FramesDataSettings.model_fields
    of_clips = kind in LAYOUTS
    for name in OF_TABLES if of_clips else OF_PICTURES:
        if getattr(settings, name) != fields[name].default:
            raise UsageError(
                f"{name} is read of {'tables of frames' if of_clips else 'pictures'}; these data are "
                f"{'clips' if kind == 'clips' else 'pictures' if of_clips else 'no pictures'}"
            )


def as_frames(given: Any, shape: PictureShape, number: int) -> npt.NDArray[np.uint8]:
    """An array of bytes as a model reads it: a picture [H, W] or [H, W, C], a clip with T before it.

    Errors: UsageError for other shapes, and for numbers outside of 0 to 255
    """
    values, colours = np.asarray(given), (shape.channels,) if shape.channels > 1 else ()
    one = (shape.height, shape.width, *colours)
    expected = f"[{', '.join(map(str, one))}]" if shape.rows else f"[T, {', '.join(map(str, one))}]"
    flat = values.ndim == 2 and values.shape[1] == shape.frame_size and (not shape.rows or len(values) == shape.height)
    fits = flat or (values.shape == one if shape.rows else values.shape[1:] == one)
    if not fits or not values.size or not np.issubdtype(values.dtype, np.number):
        raise UsageError(f"expected sequence {number} as {expected}, got {list(values.shape)} of {values.dtype}")
    if not ((values >= 0) & (values <= 255)).all():
        raise UsageError(f"sequence {number} has numbers outside of 0 to 255; pixels are bytes")
    if shape.rows or flat:
        return np.ascontiguousarray(values.reshape(-1, shape.frame_size), np.uint8)
    frames = values.reshape(len(values), shape.height, shape.width, shape.channels).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(frames.reshape(len(values), -1), np.uint8)
