"""Vocabularies of translators, captioners and language models: sub-words are cut here, without a package.

See data.tokens.subwords, whose pieces these are.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from recurra.data.tokens.normalize import check_names
from recurra.data.tokens.normalize import normalize as normalized
from recurra.data.tokens.segment import SPACE
from recurra.data.tokens.subword_lines import RunningVocabulary, SubwordLines, checked_order
from recurra.data.tokens.vocabulary import UNKNOWN, UNKNOWN_TOKEN, Vocabulary
from recurra.errors import DataError, UsageError
from recurra.runtime.weights import Ints, setting

KNOWN_WORDS = 1 << 14
"""Words whose pieces are remembered."""


class Subwords:
    """Pieces of words by byte-pair encoding: in each word the pair that was learned first is joined first.

    tokens: by number, "<unk>" first; merges: pairs of pieces, the first to be joined first
    """

    level = "bpe"

    def __init__(self, tokens: list[str], merges: Iterable[tuple[str, str]], normalize: Iterable[str] = ()) -> None:
        self.tokens, self.normalize = tokens, check_names(normalize)
        self._ids = {token: number for number, token in enumerate(tokens)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._known = functools.lru_cache(KNOWN_WORDS)(self._joined)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Subwords:
        """What `data.tokens.subwords` stores. Errors: DataError, KeyError, TypeError"""
        model = content["tokenizer"]["model"]
        ids, given = setting(model, "vocab", dict), setting(model, "merges", list)
        tokens = sorted(ids, key=ids.__getitem__)
        if sorted(ids.values()) != list(range(len(ids))) or not tokens or tokens[0] != UNKNOWN_TOKEN:
            raise DataError(f"the pieces are numbered from 0, {UNKNOWN_TOKEN!r} first")
        pairs = [tuple(pair.split(" ") if isinstance(pair, str) else pair) for pair in given]
        if not all(len(pair) == 2 and "".join(pair) in ids for pair in pairs):
            raise DataError("a merge of sub-words is none of two pieces")
        return cls(tokens, [(first, second) for first, second in pairs], setting(content, "normalize", list))

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> Ints:
        """Ids int64 [T], 0 for a character that training never showed."""
        return np.array([self._ids.get(piece, UNKNOWN) for piece in self.pieces(text)], np.int64)

    def encode_all(self, texts: Iterable[str]) -> Iterator[Ints]:
        """As `encode`, one after the other."""
        return map(self.encode, texts)

    def pieces(self, text: str) -> list[str]:
        """What stands for each id of `encode`, an unknown character itself."""
        return [piece for word in self._words(text) for piece in self._known(word)]

    def unknown(self, text: str) -> list[str]:
        """The different characters of a text that training never showed, in the order of their appearance."""
        return [one for one in dict.fromkeys(self._marked(text)) if one not in self._ids]

    def to_json(self) -> dict[str, Any]:
        raise UsageError("sub-words are stored by recurra.data.tokens.subwords")

    def _marked(self, text: str) -> str:
        return " ".join(normalized(text, self.normalize).split()).replace(" ", SPACE)

    def _words(self, text: str) -> list[str]:
        """Each begins with a space, or is a sign or what follows it."""
        marked = self._marked(text)
        if marked and not marked.startswith(SPACE):
            marked = SPACE + marked
        starts = [
            place
            for place, sign in enumerate(marked)
            if sign == SPACE or _is_sign(sign) or (place and _is_sign(marked[place - 1]))
        ]
        return [marked[start:stop] for start, stop in pairwise([*starts, len(marked)])]

    def _joined(self, word: str) -> tuple[str, ...]:
        parts = list(word)
        while len(parts) > 1:
            ranked = [(self._ranks[pair], place) for place, pair in enumerate(pairwise(parts)) if pair in self._ranks]
            if not ranked:
                break
            _, place = min(ranked)
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        return tuple(parts)


def _is_sign(character: str) -> bool:
    """Punctuation, as the tokenizers library has it."""
    if character.isascii():
        return not character.isalnum() and "!" <= character <= "~"
    return unicodedata.category(character).startswith("P")


def words_of(content: Mapping[str, Any]) -> Vocabulary | Subwords:
    """Of a side of a translator, or of captions. Errors: DataError, KeyError, TypeError"""
    return Subwords.from_json(content) if content.get("level") == "bpe" else Vocabulary.from_json(dict(content))


def running_of(content: Mapping[str, Any]) -> RunningVocabulary:
    """Of a language model. Errors: DataError, KeyError, TypeError"""
    if content.get("level") != "bpe":
        return Vocabulary.from_json(dict(content))
    return SubwordLines(Subwords.from_json(content["subwords"]), checked_order(content["order"]))
