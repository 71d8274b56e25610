"""What of a run follows its time: settings, and why; how many words are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from recurra.tasks.settings import AnySettings
    from recurra.tasks.task import Dataset


@dataclass(frozen=True)
class Sized:
    """Settings that follow the time, and why they do, in a sentence."""

    settings: dict[str, Any]
    why: str


@runtime_checkable
class Abridging(Protocol):
    """A task that can do with fewer words, the most frequent ones, where there is no time for all."""

    def words(self, dataset: Dataset[Any]) -> tuple[int, ...]:
        """How many each vocabulary has that max_vocabulary bounds; none where tokens are no words."""

    def word_width(self, settings: AnySettings) -> int:
        """Weights of a word, in all tables and output layers together."""


def of_words(*vocabularies: Any) -> tuple[int, ...]:
    """How many words each of these has, those left out that are not of words."""
    return tuple(len(each) for each in vocabularies if each.level == "word")
