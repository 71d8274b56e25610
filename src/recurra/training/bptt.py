"""The three words of truncated back-propagation through time: carry, detach, reset.

A state is an argument and a return value of a network; carrying it is passing it on. Source: Williams & Peng 1990.
"""

from __future__ import annotations

from torch import Tensor

State = tuple[Tensor, ...]


def detach(state: State | None) -> State | None:
    """The same numbers, with nothing flowing back through them; None stays None."""
    return None if state is None else tuple(s.detach() for s in state)


def reset_rows(state: State, rows: Tensor) -> State:
    """The state with some rows begun anew, at zero.

    Shapes: state each [L*D, B, H], rows bool [B]
    """
    return tuple(s.masked_fill(rows.to(s.device).view(1, -1, 1), 0.0) for s in state)
