"""What a translator has learned of its data: the tokens of both languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from recurra.data.files.checked import Exact, checked
from recurra.data.tokens.subwords import Subwords
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.decoding.bleu import CutBy
from recurra.tasks.decoding.glossary import Glossary

Words = Vocabulary | Subwords


class _Stored(Exact):
    source: dict[str, Any]
    target: dict[str, Any]
    bleu: CutBy = "13a"
    glossary: dict[str, str] | None = None


@dataclass(frozen=True)
class TranslatePreprocessor:
    """Sentences of either language to ids and back.

    bleu: how translations are cut for BLEU; glossary: whose answer the network reads beside each source, None for none
    """

    source: Words
    target: Words
    bleu: CutBy = "13a"
    glossary: Glossary | None = None
    input_width: ClassVar[None] = None

    def to_json(self) -> dict[str, Any]:
        found = {"source": self.source.to_json(), "target": self.target.to_json(), "bleu": self.bleu}
        return found if self.glossary is None else found | {"glossary": self.glossary.translations}

    @property
    def sizes(self) -> tuple[int, int]:
        """Tokens of both vocabularies, without their ends."""
        return len(self.source), len(self.target)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> TranslatePreprocessor:
        """What `to_json` gave. Errors: DataError; UsageError where a package is missing"""
        sides = checked(_Stored, found, "preprocessing.json")
        glossary = None if sides.glossary is None else Glossary(sides.glossary)
        return cls(_words(sides.source), _words(sides.target), sides.bleu, glossary)


def _words(content: dict[str, Any]) -> Words:
    return (Subwords if content.get("level") == "bpe" else Vocabulary).from_json(content)
