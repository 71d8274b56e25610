"""What a language model has learned of its data: tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from recurra.data.files.checked import Exact, checked
from recurra.data.tokens.subword_lines import RunningVocabulary, SubwordLines
from recurra.data.tokens.vocabulary import Vocabulary


class _Stored(Exact):
    vocabulary: dict[str, Any]


@dataclass(frozen=True)
class LanguagePreprocessor:
    """Running text to ids and back."""

    vocabulary: RunningVocabulary
    input_width: ClassVar[None] = None

    def to_json(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary.to_json()}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> LanguagePreprocessor:
        vocabulary = checked(_Stored, found, "preprocessing.json").vocabulary
        return cls((SubwordLines if vocabulary.get("level") == "bpe" else Vocabulary).from_json(vocabulary))
