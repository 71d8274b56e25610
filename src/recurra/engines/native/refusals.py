"""What the core answers to a call, as errors."""

from __future__ import annotations

from recurra.engines.native import library
from recurra.errors import UsageError


def lost(what: str) -> str:
    """What is wrong with a memory, and what to do."""
    return (
        f"what a layer kept for its backward pass {what}; run its forward pass again, and let hooks on saved tensors "
        "give back what they were given"
    )


_REFUSED: dict[int, str] = {
    library.SHORT_MEMORY: lost("is too short"),
    library.FOREIGN_MEMORY: lost("was written over or is another cell's"),
    library.OTHER_MEMORY: lost("is that of a call of other sizes or types, or of another variant of the engine"),
    library.BAD_LENGTHS: "a row's length is below 1 or above T",
    library.BAD_TOKENS: "a token is outside the table; tokens may not change between a forward pass and its backward",
}


def check(code: int) -> None:
    """Errors: MemoryError; UsageError for what changed since it was checked"""
    if code == library.OK:
        return
    if code == library.NO_MEMORY:
        raise MemoryError("no memory for a recurrent layer's work")
    if code in _REFUSED:
        raise UsageError(_REFUSED[code])
    raise AssertionError(f"the native core refused a call that was checked (code {code})")
