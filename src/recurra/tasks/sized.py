"""What of a run follows its time: settings, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sized:
    """Settings that follow the time, and why they do, in a sentence."""

    settings: dict[str, Any]
    why: str


def of_words(*vocabularies: Any) -> tuple[int, ...]:
    """How many words each of these has, those left out that are not of words; see tasks.abilities.Abridging."""
    return tuple(len(each) for each in vocabularies if each.level == "word")
