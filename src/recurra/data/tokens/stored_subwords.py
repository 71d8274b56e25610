"""The one form of tokenizer that sub-words are stored as. Whatever else the library can do is never asked of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from recurra.data.files.checked import Exact

UNKNOWN_TOKEN = "<unk>"

Space = Literal["\u2581"]
Unknown = Literal["<unk>"]
Short = Annotated[list[str], Field(max_length=16)]


class _Metaspace(Exact):
    type: Literal["Metaspace"]
    replacement: Space
    prepend_scheme: Literal["always"] = "always"
    split: Literal[True] = True


class _Punctuation(Exact):
    type: Literal["Punctuation"]
    behavior: Literal["Isolated"]


class _Cuts(Exact):
    type: Literal["Sequence"]
    pretokenizers: Annotated[list[_Metaspace | _Punctuation], Field(min_length=2, max_length=2)]


class _Added(Exact):
    id: Literal[0]
    content: Unknown
    single_word: Literal[False] = False
    lstrip: Literal[False] = False
    rstrip: Literal[False] = False
    normalized: Literal[False] = False
    special: Literal[True]


class _Pieces(Exact):
    """Byte-pair encoding: every piece with its number, and the pairs that become one, in this order."""

    type: Literal["BPE"]
    dropout: None = None
    unk_token: Unknown
    continuing_subword_prefix: None = None
    end_of_word_suffix: None = None
    fuse_unk: Literal[False] = False
    byte_fallback: Literal[False] = False
    ignore_merges: Literal[False] = False
    vocab: dict[str, int]
    merges: list[list[str]]

    def pairs(self) -> list[tuple[str, str]]:
        """The pairs that become one."""
        return [(first, second) for first, second in self.merges]

    @field_validator("merges", mode="before")
    @classmethod
    def _written_as_one(cls, value: object) -> object:
        """Earlier versions of the library wrote "a b" for a pair."""
        if isinstance(value, list):
            return [pair.split(" ") if isinstance(pair, str) else pair for pair in value]
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if sorted(self.vocab.values()) != list(range(len(self.vocab))) or self.vocab.get(UNKNOWN_TOKEN) != 0:
            raise ValueError(f"the pieces are numbered from 0, {UNKNOWN_TOKEN!r} first")
        for piece in self.vocab:
            if not piece or (not piece.isascii() and any("\ud800" <= c <= "\udfff" for c in piece)):
                raise ValueError(f"{piece!r:.60} is not a piece of a word")
        for pair in self.merges:
            if len(pair) != 2 or not all(piece in self.vocab for piece in (*pair, "".join(pair))):
                raise ValueError(f"{pair!r:.60} is not a merge of two pieces")
        return self


class _Tokenizer(Exact):
    version: Literal["1.0"]
    truncation: None = None
    padding: None = None
    added_tokens: Annotated[list[_Added], Field(min_length=1, max_length=1)]
    normalizer: None = None
    pre_tokenizer: _Cuts
    post_processor: None = None
    decoder: _Metaspace
    model: _Pieces


class StoredSubwords(Exact):
    """What `Subwords.to_json` gives."""

    level: Literal["bpe"]
    normalize: Short
    tokenizer: _Tokenizer
