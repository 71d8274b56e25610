"""Which parts a mixture has, as they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from recurra.errors import UnknownNameError, UsageError

N_GRAMS, CACHE, DYNAMIC = "n-grams", "cache", "dynamic"
PARTS = (N_GRAMS, CACHE, DYNAMIC)
"""In the order in which they are named and fitted."""
ALL = "all"


def parts_of(asked: str | Sequence[str]) -> tuple[str, ...]:
    """The parts by name, in their own order; a text holds them with commas between, `all` is all of them.

    Errors: UnknownNameError, UsageError for none
    """
    names = [name.strip() for name in asked.split(",")] if isinstance(asked, str) else list(asked)
    for name in names:
        if name not in (*PARTS, ALL):
            raise UnknownNameError("part of a mixture", str(name), (*PARTS, ALL))
    if not names:
        raise UsageError(f"a mixture has one part at least: {', '.join(PARTS)}, or {ALL}")
    return PARTS if ALL in names else tuple(part for part in PARTS if part in names)
