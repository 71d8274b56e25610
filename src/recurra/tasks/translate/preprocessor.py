"""What a translator has learned of its data: the tokens of both languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from recurra.data.files.checked import Exact, checked
from recurra.data.tokens.subwords import Subwords
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.decoding.bleu import CutBy

Words = Vocabulary | Subwords


class _Stored(Exact):
    source: dict[str, Any]
    target: dict[str, Any]
    bleu: CutBy = "13a"


@dataclass(frozen=True)
class TranslatePreprocessor:
    """Sentences of either language to ids and back. bleu: how translations are cut for BLEU"""

    source: Words
    target: Words
    bleu: CutBy = "13a"
    input_width: ClassVar[None] = None

    def to_json(self) -> dict[str, Any]:
        return {"source": self.source.to_json(), "target": self.target.to_json(), "bleu": self.bleu}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> TranslatePreprocessor:
        """What `to_json` gave. Errors: DataError; UsageError where a package is missing"""
        sides = checked(_Stored, found, "preprocessing.json")
        return cls(_words(sides.source), _words(sides.target), sides.bleu)


def _words(content: dict[str, Any]) -> Words:
    return (Subwords if content.get("level") == "bpe" else Vocabulary).from_json(content)
