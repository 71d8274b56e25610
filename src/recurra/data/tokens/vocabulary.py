"""Text to token ids and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise, repeat
from typing import Any, Literal, TypeGuard

import numpy as np
import numpy.typing as npt

from recurra.data.tokens import chinese, counting, most_words, segment
from recurra.data.tokens.chinese import Segmenter
from recurra.data.tokens.given_tokens import Tokenised
from recurra.data.tokens.normalize import check_names
from recurra.data.tokens.normalize import normalize as normalized
from recurra.errors import DataError, UnknownNameError, UsageError

Level = Literal["char", "word", "byte", "bpe", "both"]
LEVELS: tuple[str, ...] = ("char", "word", "byte")
"""Of a `Vocabulary`; "bpe" is `recurra.data.tokens.subwords`, which only some tasks read; "both" is a vocabulary of
words, with the characters of texts beside it."""

UNKNOWN = 0
UNKNOWN_TOKEN = "<unk>"
_BYTE_TOKENS = (UNKNOWN_TOKEN, *(f"<0x{value:02X}>" for value in range(256)))
_KEYS = ("level", "normalize", "split", "tokens")
_SEGMENTER = "segmenter"
"""A further key, of a vocabulary of Chinese words."""


class Vocabulary:
    """The tokens of a model: characters, words or bytes.

    level: "char", "word" or "byte"; normalize: names of recurra.data.tokens.normalize, applied in this order before
    the text is cut; split: how words are cut ("words", "space" or "chinese", see recurra.data.tokens.segment), read at
    word level only; segmenter: what cuts Chinese words, without it the preferred one that is installed; tokens: V
    different tokens, tokens[0] is "<unk>". Made by `build` or `from_json`; never changes afterwards. A byte
    vocabulary always has 257 tokens: byte b is id b + 1.
    """

    UNKNOWN = UNKNOWN

    def __init__(
        self,
        tokens: Sequence[str],
        *,
        level: Level = "char",
        normalize: Iterable[str] = (),
        split: segment.Split = "words",
        segmenter: Segmenter | None = None,
    ) -> None:
        self.level, self.split = check_level(level), check_split(split)
        self.segmenter = (segmenter or chinese.segmenter()) if level == "word" and split == "chinese" else None
        self.normalize = check_names(normalize)
        self.tokens = list(tokens)
        self._ids = {token: index for index, token in enumerate(self.tokens)}
        _check_tokens(self.tokens, level, different=len(self._ids))
        self._table = self._code_table() if level == "char" else None

    @classmethod
    def build(
        cls,
        texts: Iterable[str],
        *,
        level: Level = "char",
        normalize: Iterable[str] = (),
        min_count: int = 1,
        max_size: int | None = None,
        split: segment.Split = "words",
    ) -> Vocabulary:
        """The vocabulary of some texts, by falling frequency, then by code point.

        min_count: rarer tokens are unknown; max_size: the most tokens, "<unk>" included.
        Errors: UsageError, or UnknownNameError for a level, split or normalisation that there is not;
        DataError if no token is left.
        """
        names = check_names(normalize)
        check_level(level)
        check_split(split)
        check_size(level, min_count, max_size)
        if level == "byte":
            return cls(_BYTE_TOKENS, level=level, normalize=names, split=split)
        prepared = (normalized(text, names) for text in texts)
        counts = counting.count_characters(prepared) if level == "char" else counting.count_words(prepared, split)
        return cls.from_counts(
            counts, level=level, normalize=names, min_count=min_count, max_size=max_size, split=split
        )

    @classmethod
    def from_counts(
        cls,
        counts: Counter[str],
        *,
        level: Level,
        normalize: Iterable[str] = (),
        min_count: int = 1,
        max_size: int | None = None,
        split: segment.Split = "words",
    ) -> Vocabulary:
        """As `build`, from the tokens' counts (which are not read at byte level)."""
        check_size(level, min_count, max_size)
        if level == "byte":
            return cls(_BYTE_TOKENS, level=level, normalize=normalize, split=split)
        known = counts
        if UNKNOWN_TOKEN in counts:  # else there is no need for a copy of half a million
            known = Counter({token: count for token, count in counts.items() if token != UNKNOWN_TOKEN})
        limit = None if max_size is None else max_size - 1
        kept = counting.by_frequency(known, min_count=min_count, limit=limit)
        if not kept:
            kind = "character" if level == "char" else "word"
            raise DataError(
                f"no {kind} occurs {min_count} times or more, after normalisation {list(normalize)}",
                remedy="give more text, a lower min_count or another normalisation",
            )
        if level == "word" and (own := most_words.bound()) is not None:
            kept = kept[: own.most(len(kept) + 1) - 1]
        return cls([UNKNOWN_TOKEN, *kept], level=level, normalize=normalize, split=split)

    def __len__(self) -> int:
        return len(self.tokens)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.level, len(self.tokens), self.tokens[-1]))

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens, level={self.level!r}, normalize={self.normalize!r})"

    def encode(self, text: str) -> npt.NDArray[np.int64]:
        """The ids of a text's tokens, int64 [T]; id 0 for a token that is not in the vocabulary.

        Errors: UsageError for given tokens where tokens are not words
        """
        if self._as_given(text):
            return self.encode_tokens(text.tokens)
        return self.encode_normalized(normalized(text, self.normalize))

    def encode_all(self, texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        """As `encode`, of many texts, short ones of characters at once."""
        found = self._joined(texts)
        if found is None:
            return [self.encode(text) for text in texts]
        prepared, joined = found
        ids = self.encode_normalized(joined)
        ends = list(accumulate(map(len, prepared)))
        return [ids[start:end] for start, end in pairwise([0, *ends])]

    def encode_normalized(self, text: str) -> npt.NDArray[np.int64]:
        """As `encode`, for a text that is normalised already."""
        if self.level == "byte":
            data = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
            return data.astype(np.int64) + 1
        if self._table is not None:
            codes = counting.code_points(text)
            return self._table[np.minimum(codes, len(self._table) - 1)]
        found = self._cut(text)
        return np.fromiter(map(self._ids.get, found, repeat(UNKNOWN)), dtype=np.int64, count=len(found))

    def encode_tokens(self, tokens: Iterable[str]) -> npt.NDArray[np.int64]:
        """The id of each token as it is given, normalised but never cut: int64 [T], 0 for one that is not known."""
        get = self._ids.get
        return np.array([get(normalized(token, self.normalize), UNKNOWN) for token in tokens], dtype=np.int64)

    def cut(self, text: str) -> list[str]:
        """The tokens of a text as they are looked up, words or characters, those that are not known too.

        Errors: UsageError for given tokens where tokens are not words
        """
        if self._as_given(text):
            return [normalized(token, self.normalize) for token in text.tokens]
        prepared = normalized(text, self.normalize)
        return self._cut(prepared) if self.level == "word" else list(prepared)

    def knows(self, token: str) -> bool:
        """Whether this token, normalised already, is in the vocabulary."""
        return token in self._ids

    def decode(self, ids: Iterable[int] | npt.NDArray[np.integer[Any]]) -> str:
        """The text of some ids: what `encode` read, but for unknown tokens and, at word level, white space.

        An unknown token becomes "<unk>" among words and U+FFFD among characters and bytes, as bytes do that
        are not UTF-8. Errors: UsageError for an id that is not in 0..V-1.
        """
        array = np.asarray(ids if isinstance(ids, np.ndarray) else list(ids), dtype=np.int64).reshape(-1)
        if array.size and not (array.min() >= 0 and array.max() < len(self)):
            bad = array.min() if array.min() < 0 else array.max()
            raise UsageError(f"token id {bad} is not in 0..{len(self) - 1}")
        if self.level == "byte":
            return b"\xef\xbf\xbd".join(_runs_of_bytes(array)).decode("utf-8", "replace")
        if self.level == "word":
            return segment.join((self.tokens[index] for index in array.tolist()), self.split)
        return "".join([self.tokens[index] if index else "\ufffd" for index in array.tolist()])

    def unknown(self, text: str) -> list[str]:
        """The different tokens of a text that are not in the vocabulary, in the order of their appearance."""
        if self.level == "byte":
            return []
        return [piece for piece in dict.fromkeys(self.cut(text)) if piece not in self._ids]

    def unknown_of(self, texts: Sequence[str]) -> list[str]:
        """As `unknown`, of many texts."""
        found = self._joined(texts)
        if found is None:
            return list(dict.fromkeys(piece for text in texts for piece in self.unknown(text)))
        return [piece for piece in dict.fromkeys(found[1]) if piece not in self._ids]

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads: plain lists, strings and numbers."""
        content: dict[str, Any] = {
            "level": self.level,
            "normalize": list(self.normalize),
            "split": self.split,
            "tokens": list(self.tokens),
        }
        return content if self.segmenter is None else content | {_SEGMENTER: self.segmenter.identity.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Vocabulary:
        """The vocabulary that `to_json` wrote.

        Errors: DataError that names what is wrong with it, or which segmenter it needs if none here cuts Chinese
        words as its own did.
        """
        keys = sorted(content) if isinstance(content, dict) else type(content).__name__
        chinese_words = isinstance(content, dict) and (content.get("level"), content.get("split")) == (
            "word",
            "chinese",
        )
        wanted = [*_KEYS, _SEGMENTER] if chinese_words else list(_KEYS)
        if keys != sorted(wanted):
            raise DataError(f"a vocabulary has the keys {wanted}, this one {keys}")
        for key in ("normalize", "tokens"):
            value = content[key]
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise DataError(f"a vocabulary's {key!r} is a list of strings, this one is not")
        try:
            return cls(
                content["tokens"],
                level=content["level"],
                normalize=content["normalize"],
                split=content["split"],
                segmenter=chinese.matching(content[_SEGMENTER]) if chinese_words else None,
            )
        except UsageError as error:
            raise DataError(f"vocabulary: {error}") from error

    def _as_given(self, text: str) -> TypeGuard[Tokenised]:
        """Whether the tokens of a text are looked up as they are: not where words end at signs, as in training."""
        if not isinstance(text, Tokenised):
            return False
        refuse_tokens(self.level)
        return self.split != "words"

    def _joined(self, texts: Sequence[str]) -> tuple[Sequence[str], str] | None:
        """Texts as they are cut into characters, and all in one; None where they have to be looked at one by one."""
        if self._table is None or any(issubclass(kind, Tokenised) for kind in set(map(type, texts))):
            return None
        prepared = [normalized(text, self.normalize) for text in texts] if self.normalize else texts
        joined = "".join(prepared)
        return (prepared, joined) if normalized(joined, ()) == joined else None  # two halves could become a pair

    def _cut(self, text: str) -> list[str]:
        return segment.words(text, self.split, self.segmenter)

    def _code_table(self) -> npt.NDArray[np.int64]:
        """id by code point, int64 [largest code point + 2]; the last row stands for all beyond."""
        codes = [ord(token) for token in self.tokens[1:]]
        table = np.zeros(max(codes, default=0) + 2, dtype=np.int64)
        table[codes] = np.arange(1, len(self.tokens))
        return table


def check_size(level: Level, min_count: int, max_size: int | None) -> None:
    """Errors: UsageError for limits that cannot be, or limits on the 257 tokens of a byte vocabulary."""
    if min_count < 1:
        raise UsageError(f"min_count is at least 1, got {min_count}")
    if max_size is not None and max_size < 2:
        raise UsageError(f"max_size counts <unk> too and is at least 2, got {max_size}")
    if level == "byte" and (min_count != 1 or max_size is not None):
        raise UsageError("a byte vocabulary has all 256 bytes; min_count and max_size do not apply to it")


def refuse_tokens(level: Level) -> None:
    """Errors: UsageError unless tokens of this level are words, which a list of tokens gives"""
    if level != "word":
        what = {"char": "characters", "byte": "bytes"}.get(level, "sub-words")
        raise UsageError(f"this model reads {what}, not words; give it a text, not a list of tokens")


def check_level(level: Level) -> Level:
    """Errors: UnknownNameError for a level that there is not; UsageError for what is no Vocabulary."""
    if level == "bpe":
        raise UsageError(
            "sub-words (level bpe) are for the tasks that read them, such as translate; take another level"
        )
    if level == "both":
        raise UsageError("words and characters together (level both) are for classify; take another level")
    if level not in LEVELS:
        raise UnknownNameError("vocabulary level", str(level), LEVELS)
    return level


def check_split(split: segment.Split) -> segment.Split:
    """Errors: UnknownNameError for a way of cutting words that there is not."""
    if split not in segment.SPLITS:
        raise UnknownNameError("word split", str(split), segment.SPLITS)
    return split


def _check_tokens(tokens: list[str], level: Level, different: int) -> None:
    if not tokens or tokens[0] != UNKNOWN_TOKEN:
        raise UsageError(f"the first token of a vocabulary is {UNKNOWN_TOKEN!r}")
    if different != len(tokens):
        twice = next(token for token, count in Counter(tokens).items() if count > 1)
        raise UsageError(f"the token {twice!r} appears twice in a vocabulary")
    if level == "byte" and tokens != list(_BYTE_TOKENS):
        raise UsageError(f"a byte vocabulary has {len(_BYTE_TOKENS)} fixed tokens, this one differs")
    if level == "char":
        long = next((token for token in tokens[1:] if len(token) != 1), None)
        if long is not None:
            raise UsageError(f"{long!r} is not one character")


def _runs_of_bytes(ids: npt.NDArray[np.int64]) -> list[bytes]:
    """The bytes between unknown ids."""
    edges = [-1, *np.flatnonzero(ids == UNKNOWN).tolist(), len(ids)]
    data = (ids - 1).astype(np.uint8).tobytes()
    return [data[edges[i] + 1 : edges[i + 1]] for i in range(len(edges) - 1)]
