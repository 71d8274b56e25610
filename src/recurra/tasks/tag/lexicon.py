"""The words, characters and pairs of neighbours that a tagger knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from recurra.data.files.checked import Exact, checked
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import DataError


class _Parts(Exact):
    words: dict[str, Any]
    characters: dict[str, Any] | None
    pairs: dict[str, Any] | None


@dataclass(frozen=True)
class Lexicon:
    """What a tagger knows of tokens.

    words: normalised as set; characters: as they stand, None where they are not read; pairs: of a word and the one
    after it, None likewise
    """

    words: Vocabulary
    characters: Vocabulary | None = None
    pairs: Vocabulary | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        parts = {"words": self.words, "characters": self.characters, "pairs": self.pairs}
        return {name: None if part is None else part.to_json() for name, part in parts.items()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Lexicon:
        """What `to_json` gave. Errors: DataError"""
        parts = checked(_Parts, content, "preprocessing.json: lexicon")
        others = (None if part is None else Vocabulary.from_json(part) for part in (parts.characters, parts.pairs))
        return cls(Vocabulary.from_json(parts.words), *others)

    def check(self, *, characters: bool, pairs: bool) -> None:
        """Errors: DataError unless there are characters and pairs just where a network reads them"""
        for name, known, wanted in (("characters", self.characters, characters), ("pairs", self.pairs, pairs)):
            if (known is not None) != wanted:
                raise DataError(f"preprocessing.json: {name} {'lack' if wanted else 'are there'}, against the settings")
