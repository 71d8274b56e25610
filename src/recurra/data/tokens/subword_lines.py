"""Sub-words for running text: pieces of words, and a token for the end of a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from recurra.data import share
from recurra.data.tokens.given_tokens import Tokenised
from recurra.data.tokens.segment import SPACE, Split
from recurra.data.tokens.vocabulary import Level, Vocabulary, refuse_tokens
from recurra.errors import DataError, UsageError

Ids = npt.NDArray[np.integer[Any]]
LINE_END = "\n"
LEARNED, COUNTED = 0.25, 0.6
"""Of the time until a text is encoded, after its sub-words are learned and after they are counted."""
_KEYS = ("level", "order", "subwords")


class Pieces(Protocol):
    """What cuts lines into sub-words: `data.tokens.subwords`, or what stands in its place without its package."""

    normalize: tuple[str, ...]
    tokens: list[str]

    def __len__(self) -> int: ...

    def encode_all(self, texts: Iterable[str], /) -> Iterator[npt.NDArray[np.int64]]: ...

    def unknown(self, text: str, /) -> list[str]: ...

    def to_json(self) -> dict[str, Any]: ...


class SubwordLines:
    """A vocabulary of sub-words by falling frequency, with the line feed as a token, for a language model.

    level: "bpe"; order: for each token the sub-word's own id, -1 for the line feed; the first is unknown (0); line_end:
    the line feed's id.
    Spaces belong to the piece that they precede; at the beginning of a line and repeated ones are not kept.
    """

    UNKNOWN = 0
    level: Level = "bpe"
    split: Split = "words"

    def __init__(self, subwords: Pieces, order: Iterable[int]) -> None:
        self._subwords, self._order = subwords, [int(i) for i in order]
        if sorted(self._order) != list(range(-1, len(subwords))) or self._order[0] != 0:
            raise DataError("the order of a sub-word vocabulary holds each token once, the unknown one first")
        self.normalize = subwords.normalize
        self.tokens = [LINE_END if i < 0 else subwords.tokens[i] for i in self._order]
        self._indices = np.empty(len(subwords), dtype=np.int64)
        for place, own in enumerate(self._order):
            if own >= 0:
                self._indices[own] = place
        self.line_end = self._order.index(-1)

    @classmethod
    def build(
        cls, text: str, *, normalize: Iterable[str] = (), min_count: int = 1, max_size: int | None = None
    ) -> SubwordLines:
        """Learn the pieces from a text, and count them there. max_size: tokens, the line feed among them

        Errors: as `Subwords.build`
        """
        from recurra.data.tokens.subwords import Subwords, learned_from

        inner = pieces_of(max_size)
        lines = text.split("\n")
        with share.stage(0, LEARNED, learned_from(len(lines), inner)):
            subwords = Subwords.build(lines, normalize=normalize, min_count=min_count, max_size=inner)
        counts = np.zeros(len(subwords), dtype=np.int64)
        with share.stage(LEARNED, COUNTED, len(lines)):
            for ids in subwords.encode_all(share.counted(lines)):
                counts += np.bincount(ids, minlength=len(subwords))
        rank = sorted(range(1, len(subwords)), key=lambda i: (-counts[i], i))
        place = next((n for n, i in enumerate(rank) if counts[i] < len(lines) - 1), len(rank))
        return cls(subwords, [0, *rank[:place], -1, *rank[place:]])

    def __len__(self) -> int:
        return len(self.tokens)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SubwordLines) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.level, len(self.tokens), self.tokens[-1]))

    def __repr__(self) -> str:
        return f"SubwordLines({len(self)} tokens, normalize={self.normalize!r})"

    def encode(self, text: str) -> npt.NDArray[np.int64]:
        """The ids of a text's pieces and line feeds, int64 [T]; id 0 for a character that training never showed.

        Each line is a unit of `share.add`.
        Errors: UsageError for given tokens
        """
        if isinstance(text, Tokenised):
            refuse_tokens(self.level)
        if not text:
            return np.zeros(0, dtype=np.int64)
        found: list[Ids] = []
        end = np.array([self.line_end], dtype=np.int64)
        for ids in self._subwords.encode_all(share.counted(text.split("\n"))):
            found += [self._indices[ids], end]
        return np.concatenate(found[:-1]).astype(np.int64)

    def decode(self, ids: Iterable[int] | Ids) -> str:
        """The text of some ids; an unknown one becomes U+FFFD. Errors: UsageError for an id that is not in 0..V-1"""
        found = [int(index) for index in ids]
        for index in found:
            if not 0 <= index < len(self):
                raise UsageError(f"token id {index} is not in 0..{len(self) - 1}")
        whole = "".join(self.tokens[index] if index else "\ufffd" for index in found)
        return "\n".join(line.replace(SPACE, " ").removeprefix(" ") for line in whole.split("\n"))

    def unknown(self, text: str) -> list[str]:
        """The different characters of a text that training never showed, in the order of their appearance."""
        return self._subwords.unknown(text)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads: plain lists, strings and numbers."""
        return {"level": self.level, "order": self._order, "subwords": self._subwords.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> SubwordLines:
        """The vocabulary that `to_json` wrote. Errors: DataError if it is invalid; UsageError without `tokenizers`"""
        if not isinstance(content, dict) or sorted(content) != sorted(_KEYS):
            keys = sorted(content) if isinstance(content, dict) else type(content).__name__
            raise DataError(f"a sub-word vocabulary has the keys {list(_KEYS)}, this one {keys}")
        from recurra.data.tokens.subwords import Subwords

        return cls(Subwords.from_json(content["subwords"]), checked_order(content["order"]))


def checked_order(order: Any) -> list[int]:
    """Errors: DataError for what is no list of whole numbers"""
    if not isinstance(order, list) or not all(type(number) is int for number in order):
        raise DataError("the order of a sub-word vocabulary is a list of whole numbers")
    return order


RunningVocabulary = Vocabulary | SubwordLines
"""What cuts running text into tokens."""


def pieces_of(tokens: int | None) -> int | None:
    """Sub-words of so many tokens, one of which is the line feed."""
    return None if tokens is None else max(2, tokens - 1)
