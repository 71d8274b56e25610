"""Clips and pictures as the report shows them: strips of frames, labels under them, many small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from recurra.data.frames.sequences import Frames, PictureShape
from recurra.data.pictures.decoding import Bytes
from recurra.data.pictures.showing import smaller
from recurra.report.sections import Picture
from recurra.report.svg import MUTED, canvas, drawing, to_svg
from recurra.tasks.sequences.label_bars import draw_bars

Int64 = npt.NDArray[np.int64]
WIDTH = 400
STRIP = 8
"""Frames of a strip."""
SIDE = 96
"""Pixels to which frames are brought for a page, at most."""
COLUMNS, CELL, CAPTION = 8, 90, 22
"""Of many pictures in one: in a row; CSS pixels of each, and of the words under it."""


def of_clip(one: Frames, shape: PictureShape, title: str, name: str) -> Picture:
    """Frames of a clip, evenly over it."""
    text = f"{title}: {min(STRIP, len(one))} of its {len(one)} frames"
    with drawing(name):
        count = min(STRIP, len(one))
        high = WIDTH / STRIP * shape.height / shape.width
        figure = Figure(figsize=(WIDTH / 72, (high + 24) / 72))
        axes = figure.add_axes((8 / WIDTH, 24 / (high + 24), count / STRIP - 16 / WIDTH, high / (high + 24)))
        _strip(axes, one, shape)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.tick_params(left=False, labelleft=False)
        return Picture(title, to_svg(figure, text), text)


def of_clip_labels(
    one: Frames, shape: PictureShape, true: Int64, predicted: Int64, classes: Sequence[str], title: str, name: str
) -> Picture:
    """Labels of the frames of a clip, the true ones above the predicted ones, and frames of it under them."""
    text = f"{title}; the labels of its frames, the true ones above the predicted ones, and {STRIP} frames"
    with drawing(name):
        strip = (WIDTH - 80) / STRIP * shape.height / shape.width
        figure = Figure(figsize=(WIDTH / 72, (strip + 130) / 72), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(60, strip))
        draw_bars(figure, above, true, predicted, classes)
        _strip(below, one, shape)
        below.set_yticks([])
        below.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        below.set_xlabel("frame")
        return Picture(title, to_svg(figure, text), text)


def of_many(pictures: Sequence[tuple[Bytes, str]], title: str, note: str) -> Picture:
    """Small pictures beside each other. pictures: [C, H, W] and the words under it"""
    rows = -(-len(pictures) // COLUMNS)
    if not rows:
        return Picture(title, "")
    with drawing(title):
        figure, axes = canvas(COLUMNS * CELL, rows * (CELL + CAPTION))
        for place, (pixels, words) in enumerate(pictures):
            left, top = place % COLUMNS * CELL, place // COLUMNS * (CELL + CAPTION)
            _, height, width = pixels.shape
            scale = (CELL - 10) / max(height, width)
            right, bottom = left + scale * width, top + scale * height
            _image(axes, pixels, (left, right, bottom, top))
            axes.text(left, top + CELL + 4, words, fontsize=11, color=MUTED)
        axes.set_xlim(0, COLUMNS * CELL)
        axes.set_ylim(rows * (CELL + CAPTION), 0)
        text = f"{title}: {len(pictures)} pictures"
        return Picture(title, to_svg(figure, text), text, note)


def _strip(axes: Any, one: Frames, shape: PictureShape) -> None:
    """Frames beside each other over the numbers of those that they stand for."""
    count, frames = min(STRIP, len(one)), shape.pictures(np.asarray(one.values, np.uint8))
    width = len(one) / count
    for place in range(count):
        start = place * width
        _image(axes, frames[int(start + width / 2)], (start, start + 0.96 * width, 0, 1))
    axes.set_xlim(0, len(one))
    axes.set_ylim(0, 1)
    axes.set_aspect("auto")
    axes.spines[["left", "bottom"]].set_visible(False)


def _image(axes: Any, pixels: Bytes, extent: tuple[float, float, float, float]) -> None:
    made = smaller(pixels, SIDE) if max(pixels.shape) > SIDE else pixels
    shown = np.repeat(made, 3, 0) if len(made) == 1 else made
    axes.imshow(shown.transpose(1, 2, 0), extent=extent, interpolation="none", aspect="auto", origin="upper")
