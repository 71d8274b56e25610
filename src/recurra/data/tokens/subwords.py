"""Sub-words: frequent words whole, rare ones in pieces, learned from a text by byte-pair encoding."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra.data import share
from recurra.data.files.checked import checked
from recurra.data.ragged import Ragged
from recurra.data.tokens.counting import count_characters
from recurra.data.tokens.normalize import check_names
from recurra.data.tokens.normalize import normalize as normalized
from recurra.data.tokens.scripts import is_unspaced, writing
from recurra.data.tokens.segment import SPACE
from recurra.data.tokens.stored_subwords import UNKNOWN_TOKEN, StoredSubwords
from recurra.errors import DataError, UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FALLBACK_SIZE = 8000
MOST_TEXTS, OF_PIECE = 50_000, 12
"""That pieces are learned from, in all or for each piece where these are more; of more texts, so many evenly spread."""
AT_ONCE = 4096
"""Texts that are encoded together."""
LONGEST_WORD = 1000
"""Characters of a word that pieces are learned from."""
_LONG = re.compile(rf"[^\s!-/:-@\[-`{{-~、。，：；？！]{{{LONGEST_WORD}}}")
_KEYS = ("level", "normalize", "tokenizer")


class Subwords:
    """A vocabulary of pieces of words, with the methods of `recurra.data.tokens.vocabulary.Vocabulary`.

    Signs stand by themselves and spaces belong to the word that they precede, so a text comes back from its tokens as
    it was, but for repeated spaces and unknown characters. Needs the package `tokenizers`, the extra `bpe`.
    Source: Sennrich et al. 2016, Neural machine translation of rare words with subword units
    """

    UNKNOWN = 0
    level = "bpe"

    def __init__(self, tokenizer: Tokenizer, normalize: Iterable[str] = ()) -> None:
        self._tokenizer, self.normalize = tokenizer, check_names(normalize)
        tokenizer.encode_special_tokens = True  # "<unk>" in a text is text
        ids = tokenizer.get_vocab(with_added_tokens=True)
        self.tokens: list[str] = sorted(ids, key=ids.__getitem__)
        if not self.tokens or self.tokens[0] != UNKNOWN_TOKEN:
            raise DataError(f"the first token of a vocabulary is {UNKNOWN_TOKEN!r}")

    @classmethod
    def build(
        cls, texts: Iterable[str], *, normalize: Iterable[str] = (), min_count: int = 1, max_size: int | None = None
    ) -> Subwords:
        """Learn the pieces from texts, each a unit of `share.add`.

        min_count: pairs of pieces that occur less often are not joined; max_size: tokens, all characters among them
        Errors: UsageError for limits that cannot be, or without the package; DataError if the texts are empty
        """
        library = _tokenizers()
        names = check_names(normalize)
        size = FALLBACK_SIZE if max_size is None else max_size
        if min_count < 1 or size < 2:
            raise UsageError(f"min_count is at least 1 and max_size at least 2, got {min_count} and {size}")
        tokenizer = _around(library, library.models.BPE(unk_token=UNKNOWN_TOKEN))
        given = texts if isinstance(texts, Sequence) else list(texts)
        alphabet = list[str]()
        if (most := learned_from(len(given), max_size)) < len(given):
            if is_unspaced(writing(given)):  # thousands of characters, some of which stand in no sample
                counts = count_characters("".join(normalized(text, names).split()) for text in given)
                alphabet = [character for character, count in counts.items() if count > 1]
            given = [given[i] for i in np.linspace(0, len(given) - 1, most).astype(int).tolist()]
        trainer = library.trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=max(1, min_count),
            special_tokens=[UNKNOWN_TOKEN],
            show_progress=False,
            limit_alphabet=size - 1,
            initial_alphabet=alphabet,
        )
        read = share.counted(given)  # in a thread of the library's
        tokenizer.train_from_iterator((_broken(_spaced(normalized(text, names))) for text in read), trainer)
        found = cls(tokenizer, names)
        if len(found) < 2:
            raise DataError("no characters are left to learn sub-words from", remedy="give more text")
        return found

    def __len__(self) -> int:
        return len(self.tokens)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subwords) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.level, len(self.tokens), self.tokens[-1]))

    def __repr__(self) -> str:
        return f"Subwords({len(self)} tokens, normalize={self.normalize!r})"

    def encode(self, text: str) -> npt.NDArray[np.int64]:
        """The ids of a text's pieces, int64 [T]; id 0 for a character that training never showed."""
        encoded = self._tokenizer.encode(_spaced(normalized(text, self.normalize)), add_special_tokens=False)
        return np.array(encoded.ids, dtype=np.int64)

    def encode_all(self, texts: Iterable[str]) -> Iterator[npt.NDArray[np.int64]]:
        """As `encode`, many at once, of which few are objects at the same time."""
        return self._encoded(_spaced(normalized(text, self.normalize)) for text in texts)

    def encode_words(self, words: Iterable[str]) -> Ragged:
        """The ids of words that `words_of` gave: those of a text are those of its words, one after the other."""
        return Ragged.of(self._encoded(words), len(self))

    def _encoded(self, prepared: Iterable[str]) -> Iterator[npt.NDArray[np.int64]]:
        source = iter(prepared)
        while block := list(islice(source, AT_ONCE)):
            for one in self._tokenizer.encode_batch_fast(block, add_special_tokens=False):
                yield np.array(one.ids, dtype=np.int64)

    def pieces(self, text: str) -> list[str]:
        """What stands for each id of `encode`, an unknown character itself; SPACE begins a piece after a space."""
        prepared = _spaced(normalized(text, self.normalize))
        encoded = self._tokenizer.encode(prepared, add_special_tokens=False)
        spans = zip(encoded.ids, encoded.offsets, strict=True)
        return [self.tokens[index] if index else prepared[start:end] for index, (start, end) in spans]

    def decode(self, ids: Iterable[int] | npt.NDArray[np.integer[Any]]) -> str:
        """The text of some ids; an unknown one becomes U+FFFD. Errors: UsageError for an id that is not in 0..V-1"""
        found = [int(index) for index in ids]
        for index in found:
            if not 0 <= index < len(self):
                raise UsageError(f"token id {index} is not in 0..{len(self) - 1}")
        pieces = [self.tokens[index] if index else "\ufffd" for index in found]
        return "".join(pieces).replace(SPACE, " ").removeprefix(" ")

    def unknown(self, text: str) -> list[str]:
        """The different characters of a text that training never showed, in the order of their appearance."""
        known = set(self.tokens)
        prepared = _spaced(normalized(text, self.normalize)).replace(" ", SPACE)
        return [character for character in dict.fromkeys(prepared) if character not in known]

    def merges(self) -> list[tuple[str, str]]:
        """The pairs of pieces that become one, the first to be joined first."""
        found = json.loads(self._tokenizer.to_str())["model"]["merges"]
        pairs = (pair.split(" ") if isinstance(pair, str) else pair for pair in found)
        return [(first, second) for first, second in pairs]

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads: plain lists, strings and numbers."""
        return {
            "level": self.level,
            "normalize": list(self.normalize),
            "tokenizer": json.loads(self._tokenizer.to_str()),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Subwords:
        """The sub-words that `to_json` wrote. Errors: DataError if they are invalid; UsageError without the package"""
        library = _tokenizers()
        if not isinstance(content, dict) or sorted(content) != sorted(_KEYS):
            keys = sorted(content) if isinstance(content, dict) else type(content).__name__
            raise DataError(f"sub-words have the keys {list(_KEYS)}, these {keys}")
        stored = checked(StoredSubwords, content, "sub-words")
        model = stored.tokenizer.model
        bpe = library.models.BPE(model.vocab, model.pairs(), unk_token=UNKNOWN_TOKEN)
        tokenizer = _around(library, bpe)
        tokenizer.add_special_tokens([library.AddedToken(UNKNOWN_TOKEN, special=True)])
        return cls(tokenizer, stored.normalize)


def learned_from(texts: int, size: int | None) -> int:
    """Of how many texts the pieces are learned, size of them at most."""
    return min(texts, max(MOST_TEXTS, OF_PIECE * (FALLBACK_SIZE if size is None else size)))


def describe_sample(texts: int, size: int | None, noun: str) -> list[str]:
    """What to say of it if these are not all. noun: that the texts are called, several of them"""
    count = learned_from(texts, size)
    return [f"sub-words are learned from {count:,} of the {texts:,} {noun}"] if count < texts else []


def words_of(text: str, names: Iterable[str]) -> list[str]:
    """What of a text is cut into pieces each by itself. names: of normalisations"""
    prepared = normalized(text, names)
    found = prepared.split()
    if SPACE in prepared:  # which stands for a space before a word, unless a text begins with it
        found[1:] = [f" {word}" if word.startswith(SPACE) else word for word in found[1:]]
    return found


def _around(library: Any, model: Any) -> Tokenizer:
    """The tokenizer of a model: every space begins a piece, and every sign is one."""
    tokenizer: Tokenizer = library.Tokenizer(model)
    tokenizer.pre_tokenizer = library.pre_tokenizers.Sequence(
        [library.pre_tokenizers.Metaspace(SPACE), library.pre_tokenizers.Punctuation()]
    )
    tokenizer.decoder = library.decoders.Metaspace(SPACE)
    return tokenizer


def _spaced(text: str) -> str:
    """One plain space between words, none at the ends: white space is not kept apart."""
    return " ".join(text.split())


def _broken(text: str) -> str:
    """A space after LONGEST_WORD signs without one: joining pairs takes the square of a word's length."""
    return _LONG.sub(r"\g<0> ", text)


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise UsageError(
            "sub-words need the package tokenizers, which is not installed\ninstall it with: pip install tokenizers"
        ) from error
    return tokenizers
