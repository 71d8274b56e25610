"""Clips and pictures as sequences: a frame is a picture, a row of one, or features that somebody else computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from recurra.data.frames.clip_folders import FEATURES, Layout, Place, find_clips, table_of
from recurra.data.frames.clip_labels import ClipTable, Said, read_clip_table
from recurra.data.frames.numbered import numbered
from recurra.data.frames.sequences import Frames, PictureShape, Recordings, size_of
from recurra.data.frames.table import NOTHING, Columns
from recurra.data.pictures.decoding import Bytes, Form, is_picture, read_picture
from recurra.errors import DataError, listed

Colour = Literal["auto", "grey", "rgb"]
LONGEST_SIDE = 64
"""To which larger pictures are brought if no size is asked for: what is read of them grows with their area."""
LOOKED_AT = 20
"""Pictures by which size and colour are found, over all clips."""
MOST_BYTES = 4 << 30
"""Of all pixels together, which are held in memory."""


@dataclass(frozen=True)
class ClipReading:
    """How clips are read. height, width: of pictures, None for as most are; shape: what a model has learned of that"""

    asked: Columns = NOTHING
    encoding: str = "utf-8"
    sort: bool = False
    labelled: bool = True
    height: int | None = None
    width: int | None = None
    colour: Colour = "auto"
    shape: PictureShape | None = None


def read_clips(folder: Path, layout: Layout, how: ClipReading) -> Recordings:
    """The clips of a folder ("clips"), or its pictures, row by row ("images").

    A table in the folder says their labels, else the folders that they stand in do.
    Errors: DataError with file or line
    """
    table = table_of(folder) if how.labelled else None
    labels = None if table is None else read_clip_table(table, how.asked, encoding=how.encoding, sort=how.sort)
    found = find_clips(folder, layout, labelled=labels is None and how.labelled)
    said = [None if labels is None else labels.of(place.relative) for place in found]
    if labels is not None:
        labels.check_all_taken([place.relative.name for place in found])
        left = [place.relative.as_posix() for place, one in zip(found, said, strict=True) if one is None]
        found = [place for place, one in zip(found, said, strict=True) if one is not None]
        said = [one for one in said if one is not None]
        notes = [f"{table.name} does not name {listed(left, 4)}, which are not read"] if left and table else []
    else:
        notes = []
    made = read_found(found, layout, how)
    sequences = [
        _labelled(one, place, own, labels) for one, place, own in zip(made.sequences, found, said, strict=True)
    ]
    return replace(made, sequences=sequences, notes=[*notes, *made.notes])


def read_one(path: Path, how: ClipReading) -> Recordings:
    """What a model is asked about: a picture, a file of features, a clip, or a folder of them; no labels are needed."""
    rows = how.shape is not None and how.shape.rows
    alone = Place(path, PurePosixPath(path.name), "")
    if path.suffix.lower() in FEATURES or is_picture(path):
        if is_picture(path) and not rows:
            return read_found([alone], "images", how, still=True)
        return read_found([alone], "images" if rows else "clips", how)
    if not rows and path.is_dir() and any(is_picture(each) for each in path.iterdir()):
        return read_found([alone], "clips", how)
    return read_clips(path, "images" if rows else "clips", replace(how, labelled=False))


def read_found(found: Sequence[Place], layout: Layout, how: ClipReading, *, still: bool = False) -> Recordings:
    """Sequences without labels; still: single pictures are clips of one frame."""
    features = [place.path.suffix.lower() in FEATURES for place in found]
    if all(features):
        return _features(found)
    if any(features):
        raise DataError(
            f"{found[features.index(True)].relative} holds features, {found[features.index(False)].relative} pictures",
            remedy="read them apart",
        )
    frames = [numbered(place.path) if layout == "clips" else [(1, place.path)] for place in found]
    shape = how.shape or _shape(frames, how, rows=layout == "images" and not still)
    count = sum(map(len, frames))
    if (size := count * shape.channels * shape.height * shape.width) > MOST_BYTES:
        raise DataError(
            f"{count:,} pictures of {size_of(shape)} are {size:,} bytes; {MOST_BYTES:,} at most are held in memory",
            remedy="make them smaller: --image-height, --image-width, --colour grey",
        )
    form = Form((shape.height, shape.width), 3 if shape.channels == 3 else 1)
    sizes: Counter[tuple[int, int]] = Counter()
    done: Counter[str] = Counter()
    sequences = []
    for place, paths in zip(found, frames, strict=True):
        pixels = []
        for _, path in paths:
            picture = read_picture(path, form)
            sizes[picture.size] += 1
            done.update(picture.done)
            pixels.append(picture.pixels)
        sequences.append(Frames(place.relative.as_posix(), _flat(np.stack(pixels), shape), (), file=place.path))
    return Recordings(sequences, shape.colours, _notes(shape, sizes, done, count), shape)


def frame_numbers(one: Frames) -> list[tuple[int, str]]:
    """Number and name of each frame of a clip, from 1 where its frames are no files."""
    if one.file.is_dir():
        return [(number, path.name) for number, path in numbered(one.file)]
    return [(number, "") for number in range(1, len(one) + 1)]


def _labelled(one: Frames, place: Place, said: Said | None, labels: ClipTable | None) -> Frames:
    if said is None or labels is None:
        return replace(one, labels=(place.label,) if place.label else ())
    own = said.labels(frame_numbers(one), labels.path)
    return replace(one, labels=own, group=said.group, part=said.part)


def _shape(frames: Sequence[Sequence[tuple[int, Path]]], how: ClipReading, *, rows: bool) -> PictureShape:
    """As asked, else as most of some pictures are, no side above LONGEST_SIDE."""
    if how.height is not None and how.width is not None and how.colour != "auto":
        return PictureShape(3 if how.colour == "rgb" else 1, how.height, how.width, rows)
    some = [frames[k][0][1] for k in np.unique(np.linspace(0, len(frames) - 1, LOOKED_AT).astype(int))]
    looked = [read_picture(path) for path in some]
    (height, width), _ = Counter(one.size for one in looked).most_common(1)[0]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    if how.height is not None or how.width is not None:
        scale = how.height / height if how.height is not None else (how.width or width) / width
    height, width = (
        given if given is not None else max(1, round(scale * side))
        for given, side in ((how.height, height), (how.width, width))
    )
    coloured = any((one.pixels[0] != one.pixels[1]).any() or (one.pixels[0] != one.pixels[2]).any() for one in looked)
    channels = 3 if how.colour == "rgb" or (how.colour == "auto" and coloured) else 1
    return PictureShape(channels, height, width, rows)


def _flat(pixels: Bytes, shape: PictureShape) -> Bytes:
    """[T, C, H, W] -> [T, C H W], or of rows [1, C, H, W] -> [H, W C]"""
    if shape.rows:
        return np.ascontiguousarray(pixels[0].transpose(1, 2, 0)).reshape(shape.height, -1)
    return pixels.reshape(len(pixels), -1)


def _notes(shape: PictureShape, sizes: Counter[tuple[int, int]], done: Counter[str], count: int) -> list[str]:
    what = f"{count:,} picture{'' if count == 1 else 's'}"
    notes = [f"{what} are read as {size_of(shape)}" + (", a row a frame" if shape.rows else "")]
    others = count - sizes[shape.height, shape.width]
    if others:
        shown = ", ".join(f"{w} x {h} ({number:,})" for (h, w), number in sizes.most_common(3))
        notes.append(
            f"{others:,} of them had another size and were resized: {shown}{' and others' if len(sizes) > 3 else ''}"
        )
    return [*notes, *(f"{number:,} pictures: {words}" for words, number in done.most_common())]


def _features(found: Sequence[Place]) -> Recordings:
    """Errors: DataError for a file that is no [T, I], for other widths, for infinities"""
    sequences: list[Frames] = []
    for place in found:
        values = _array(place.path)
        if values.ndim != 2 or not values.size or not np.issubdtype(values.dtype, np.number):
            raise DataError(
                f"expected numbers [T, I], a row a frame, got {values.dtype} {list(values.shape)}", file=place.path
            )
        values = np.asarray(values, np.float64)
        if np.isinf(values).any():
            frame, column = np.argwhere(np.isinf(values))[0]
            raise DataError(
                f"frame {frame + 1} has an infinite value in column {column + 1}",
                remedy="NaN is a missing one",
                file=place.path,
            )
        if sequences and values.shape[1] != sequences[0].values.shape[1]:
            raise DataError(
                f"{values.shape[1]:,} features a frame here, {sequences[0].values.shape[1]:,} in "
                f"{sequences[0].file.name}",
                remedy="compute the same features of all clips",
                file=place.path,
            )
        sequences.append(Frames(place.relative.as_posix(), values, (), file=place.path))
    width = sequences[0].values.shape[1]
    return Recordings(sequences, tuple(f"feature {k + 1}" for k in range(width)))


def _array(path: Path) -> npt.NDArray[Any]:
    """Errors: DataError for what is no such file, or holds several arrays"""
    if path.suffix.lower() == ".npy":
        try:
            found: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError, SyntaxError, TypeError) as error:
            raise DataError(f"this is no array of numbers: {str(error)[:120]}", file=path) from error
        return found
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"this is no safetensors file of numbers: {str(error)[:120]}", file=path) from error
    if len(tensors) != 1 and "features" not in tensors:
        raise DataError(
            f"{len(tensors)} tensors: {listed(tensors, 4)}", remedy="keep one, or call it features", file=path
        )
    return tensors.get("features", next(iter(tensors.values())))
