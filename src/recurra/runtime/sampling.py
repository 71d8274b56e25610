"""Probabilities that tokens are drawn from, as with torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.runtime.predictions import numbers

Doubles = npt.NDArray[np.float64]


def filtered(
    scores: npt.NDArray[Any], *, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Doubles:
    """See topologies.sampling.filtered. Shapes: logits [V] -> probabilities [V], their sum 1

    Errors: ModelFolderError unless there is a largest one
    """
    wide = numbers(scores).astype(np.float64)
    if temperature == 0:
        chances = np.zeros_like(wide)
        chances[wide.argmax()] = 1.0
        return np.asarray(chances)
    wide = (wide - wide.max()) / temperature
    if top_k is not None and top_k < len(wide):
        wide[np.argsort(-wide, kind="stable")[top_k:]] = -np.inf
    chances = np.exp(wide)
    chances /= chances.sum()
    if top_p is not None and top_p < 1:
        order = np.argsort(-chances, kind="stable")
        reached = chances[order].cumsum()
        chances[order[1:][reached[:-1] >= top_p]] = 0.0
        chances /= chances.sum()
    return np.asarray(chances)


def drawn(chances: Doubles, chance: float) -> int:
    """The token where the sum of the probabilities passes a number from 0 to 1, as tasks that write texts draw it."""
    sums = chances.cumsum()
    return int(np.searchsorted(sums, chance * sums[-1], side="right"))
