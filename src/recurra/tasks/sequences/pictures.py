"""Sequences of frames as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from recurra.data.frames.sequences import Frames
from recurra.report.sections import Picture
from recurra.report.svg import SERIES, chart, drawing, to_svg
from recurra.tasks.sequences.label_bars import draw_bars

Int64 = npt.NDArray[np.int64]

MOST_LINES = 8
"""Channels that are drawn as lines; of more, those that vary most."""
MOST_POINTS = 600
"""Of a line."""


def of_sequence(one: Frames, channels: Sequence[str], title: str, name: str) -> Picture:
    """The channels of a sequence over its frames."""
    with drawing(name):
        figure, axes = chart()
        _lines(axes, one, channels)
        axes.set_xlabel("frame")
        return Picture(title, to_svg(figure, f"{title}, {len(one)} frames"), f"{title}, {len(one)} frames")


def of_labels(
    one: Frames, true: Int64, predicted: Int64, channels: Sequence[str], classes: Sequence[str], title: str, name: str
) -> Picture:
    """The channels of a sequence, and under them the labels of its frames: the true ones, and the predicted ones."""
    text = f"{title}; the labels of its frames, the true ones above the predicted ones"
    with drawing(name):
        figure = Figure(figsize=(720 / 72, 260 / 72), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        above.grid(axis="y")
        _lines(above, one, channels)
        draw_bars(figure, below, true, predicted, classes)
        below.set_xlabel("frame")
        above.spines["left"].set_visible(False)
        return Picture(title, to_svg(figure, text), text)


def _lines(axes: Any, one: Frames, channels: Sequence[str]) -> None:
    spread = np.nan_to_num(np.array([np.nanstd(c) if not np.isnan(c).all() else 0.0 for c in one.values.T]))
    chosen = np.sort(np.argsort(-spread, kind="stable")[:MOST_LINES])
    step = max(1, len(one) // MOST_POINTS)
    at = np.arange(0, len(one), step)
    for place, channel in enumerate(chosen.tolist()):
        axes.plot(at, one.values[at, channel], color=SERIES[place % len(SERIES)], linewidth=1, label=channels[channel])
    if len(chosen) > 1:
        axes.figure.legend(loc="outside upper center", ncols=min(4, len(chosen)), fontsize=9.5)
