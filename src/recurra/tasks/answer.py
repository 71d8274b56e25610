"""What a model says of one input, as a page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Attention:
    """Where a model looked. read: columns; wrote: rows; weights [len(wrote), len(read)]

    picture: PNG of what was looked at, whose squares the columns are, row by row
    """

    read: Sequence[str]
    wrote: Sequence[str]
    weights: npt.NDArray[np.float32]
    picture: bytes | None = None


@dataclass(frozen=True)
class Ahead:
    """A forecast. times, history_times: of each step; quantiles: by level, each as long as times"""

    name: str
    history_times: Sequence[str]
    history: Sequence[float]
    times: Sequence[str]
    median: Sequence[float]
    quantiles: Mapping[float, Sequence[float]]


@dataclass(frozen=True)
class Answer:
    """ranked: labels with their probabilities, best first; texts: best first"""

    ranked: Sequence[tuple[str, float]] = ()
    texts: Sequence[str] = ()
    attention: Attention | None = None
    ahead: Sequence[Ahead] = ()
