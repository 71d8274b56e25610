"""What a model of blanks has learned of its data: tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from recurra.data.files.checked import Exact, checked
from recurra.data.tokens.vocabulary import Vocabulary


class _Stored(Exact):
    vocabulary: dict[str, Any]
    longest_blank: Annotated[int, Field(ge=1, le=8)]


@dataclass(frozen=True)
class FillPreprocessor:
    """Sentences to ids and back. longest: tokens that a blank may stand for"""

    vocabulary: Vocabulary
    longest: int
    input_width: ClassVar[None] = None

    def to_json(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary.to_json(), "longest_blank": self.longest}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> FillPreprocessor:
        stored = checked(_Stored, found, "preprocessing.json")
        return cls(Vocabulary.from_json(stored.vocabulary), stored.longest_blank)
