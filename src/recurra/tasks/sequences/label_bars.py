"""Labels of frames over time, the true ones above the predicted ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.report.svg import SERIES


def draw_bars(
    figure: Any, axes: Any, true: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], classes: Sequence[str]
) -> None:
    """Two rows of bars, and a legend below the figure."""
    for row, labels in ((1, true), (0, predicted)):
        edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
        for start, stop in pairwise(edges):
            label = int(labels[start])
            axes.broken_barh([(start, stop - start)], (row - 0.4, 0.8), linewidth=0, **_looks(label))
    axes.set_yticks([0, 1], ["predicted", "true"])
    axes.spines["left"].set_visible(False)
    shown = np.unique(np.concatenate([true, predicted]))[: 2 * len(SERIES)].tolist()
    handles = [axes.broken_barh([(0, 0)], (0, 0), **_looks(label)) for label in shown]
    figure.legend(handles, [classes[label] for label in shown], loc="outside lower center", ncols=min(6, len(shown)))


def _looks(label: int) -> dict[str, Any]:
    return {"color": SERIES[label % len(SERIES)], "alpha": 1.0 if label < len(SERIES) else 0.5}
