"""Whether weights that were written say what the network says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import nn

from recurra.errors import RecurraError
from recurra.export.answers import allowed, own_rounding, said
from recurra.tasks.outgoing import Asked


def prove(
    answer: Callable[[Asked], Any], by: str, network: nn.Module, asked: Sequence[Asked], preprocessor: Any
) -> tuple[int, float]:
    """Compare other answers with the network's: outputs that were compared, the largest difference.

    answer: to a sequence, of the shape that `said` gives or one that reshapes to it; by: who gives it, for people
    Errors: RecurraError if they differ
    """
    own = own_rounding(network, asked, preprocessor)
    count, difference = 0, 0.0
    for one in asked:
        expected = said(network, one, preprocessor)
        off = float(np.abs(answer(one).reshape(expected.shape) - expected).max())
        limit = allowed(float(np.abs(expected).max()), own)
        if not off <= limit:
            raise RecurraError(
                f"{by} does not say what the network says: it differs by {off:.3g}, {limit:.3g} is allowed"
            )
        count, difference = count + len(expected), max(difference, off)
    return count, difference
