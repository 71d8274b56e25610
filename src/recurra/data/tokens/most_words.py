"""How many words the vocabularies may have that are made while somebody bounds them, for want of time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Bound:
    """One with more than `held` tokens gets its `suited` most frequent ones, `<unk>` among them; cut: how many those
    had that were more."""

    held: int
    suited: int
    cut: list[int] = field(default_factory=list)

    def most(self, tokens: int) -> int:
        """So many of them a vocabulary keeps."""
        if tokens <= self.held:
            return tokens
        self.cut.append(tokens)
        return self.suited


_own: ContextVar[Bound | None] = ContextVar("most words", default=None)


def bound() -> Bound | None:
    """What bounds vocabularies of words here, if anything does."""
    return _own.get()


@contextmanager
def bounded(by: Bound | None) -> Iterator[None]:
    """While entered, this bounds them."""
    token = _own.set(by)
    try:
        yield
    finally:
        _own.reset(token)
