"""A state between two calls: carried, detached, begun anew.

A state is an argument and a return value of a network; carrying it is passing it on. The other two words are here.
Source: Williams & Peng 1990, truncated back-propagation through time
"""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.engines.request import State


def detached(state: State) -> State:
    """The same numbers, with nothing flowing back through them."""
    return tuple(s.detach() for s in state)


def reset_rows(state: State, start: State, rows: Tensor) -> State:
    """The carried state, with some rows put back to where a sequence starts.

    Without it a network knows only the states that its few streams passed through; from others, such as the start of a
    prompt, it may never find back.
    Shapes: state and start each [L*D, B, H], rows bool [B]
    """
    return tuple(torch.where(rows.view(1, -1, 1), s, old) for old, s in zip(state, start, strict=True))
