"""Half of a surrogate pair, as a cut emoji or a byte that is no text leaves it, is unknown at every level."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.data.tokens.subword_lines import SubwordLines
from recurra.data.tokens.subwords import Subwords
from recurra.data.tokens.vocabulary import Vocabulary

TEXTS = ["anna went home", "anna went", "bob went home", "电影 很 好"] * 3
HALVES = ["anna \ud83d", "anna \udce9\ude00", "\ud83d"]


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(
    ("level", "split"), [("char", "words"), ("word", "words"), ("word", "space"), ("byte", "words")]
)
def test_characters_words_and_bytes(half: str, level: str, split: str) -> None:
    vocabulary = Vocabulary.build(TEXTS, level=level, split=split)
    read = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in half)
    np.testing.assert_array_equal(vocabulary.encode(half), vocabulary.encode(read))
    for piece in vocabulary.unknown(half):
        piece.encode("utf-8")
    vocabulary.decode(vocabulary.encode(half)).encode("utf-8")


def test_chinese_words() -> None:
    pytest.importorskip("rjieba")
    vocabulary = Vocabulary.build(TEXTS, level="word", split="chinese")
    for half in HALVES:
        assert vocabulary.encode(f"电影{half}").dtype == np.int64


@pytest.mark.parametrize("half", HALVES)
def test_sub_words(half: str) -> None:
    pytest.importorskip("tokenizers")
    for vocabulary in (Subwords.build(TEXTS), SubwordLines.build("\n".join(TEXTS))):
        assert 0 in vocabulary.encode(half)
        assert vocabulary.unknown(half) == ["\ufffd"]
        vocabulary.decode(vocabulary.encode(half)).encode("utf-8")
