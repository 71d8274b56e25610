"""What an export is asked where nothing that was held out is there any more."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from recurra.errors import DataError
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


def drawn_for(network: nn.Module) -> list[Asked]:
    """As `drawn`, for a network of whole sequences: frames as its layers read them, already scaled.

    Errors: DataError for a network that reads more than one sequence
    """
    rng, found = np.random.default_rng(0), list[Asked]()
    table, stack, values = (getattr(network, name, None) for name in ("table", "stack", "values"))
    picture = getattr(getattr(network, "encoder", None), "shape", None)
    if stack is None or (table is None and not hasattr(network, "per_frame")):
        raise DataError(
            f"a {type(network).__name__} is proven on its own data, which are not there any more",
            remedy="put the data of the run back where they were",
        )
    for length in (1, 2, 7, 50, LONGEST):
        chosen = None
        if values is not None:
            chosen = np.array([rng.integers(each.num_embeddings) for each in values], np.int64)
        if table is not None:
            inputs: Any = rng.integers(len(table.weight), size=length)
        else:
            width = stack.input_size if picture is None else int(np.prod(picture))
            inputs = rng.standard_normal((length, width)).astype(np.float32)
        found.append(Asked(inputs, chosen))
    return found
