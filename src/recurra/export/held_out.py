"""What an export is asked where nothing that was held out is there any more."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.export.streamed import Streamed
from recurra.tasks.outgoing import LONGEST, Asked


def drawn(model: Streamed) -> list[Asked]:
    """At random, where the data are not there any more: always the same."""
    rng = np.random.default_rng(0)
    found = []
    for length in (1, 2, 7, 50, LONGEST):
        values = None
        if model.condition is not None:
            values = np.array([rng.integers(len(each)) for each in model.condition.vectors], np.int64)
        if model.table is not None:
            inputs: Any = rng.integers(len(model.table), size=length)
        else:
            inputs = rng.standard_normal((length, model.inputs)).astype(np.float32)
            if model.scaling is not None:
                inputs = (inputs * model.scaling.deviation + model.scaling.mean).astype(np.float32)
        found.append(Asked(inputs, values))
    return found
