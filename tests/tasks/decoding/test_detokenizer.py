"""Tokens to text, piece by piece."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.decoding.detokenizer import Detokenizer

BYTES = Vocabulary.build([""], level="byte")
WORDS = Vocabulary.build(["one two , three\n"], level="word")


def written(vocabulary: Vocabulary, prompt: str, ids: list[int]) -> list[str]:
    detokenizer = Detokenizer(vocabulary, prompt)
    return [piece for piece in [*(detokenizer.add(i) for i in ids), detokenizer.end()] if piece]


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=30))
def test_a_character_of_several_bytes_comes_whole(text: str) -> None:
    ids = BYTES.encode(text.encode("utf-8", "replace").decode()).tolist()
    pieces = written(BYTES, "", ids)
    assert "".join(pieces) == text.encode("utf-8", "replace").decode()
    assert all(len(piece) == 1 for piece in pieces)


@settings(deadline=None)
@given(st.binary())
def test_bytes_that_make_no_character_come_as_python_decodes_them(data: bytes) -> None:
    assert "".join(written(BYTES, "", [b + 1 for b in data])) == data.decode("utf-8", "replace")


def test_a_broken_byte_does_not_break_the_character_after_it() -> None:
    ids = [b + 1 for b in b"\xff\xff" + "你".encode()]
    assert written(BYTES, "", ids) == ["�", "�", "你"]
    assert written(BYTES, "", ids[:-1])[-1] == "�"


@pytest.mark.parametrize(
    ("prompt", "words", "text"),
    [
        ("", "one two", "one two"),
        ("one", "two , three", " two , three"),
        ("one ", "two", "two"),
        ("one\n", "two", "two"),
        ("one\t", "two", "two"),
        ("", "one <eos> two <eos> <eos> three", "one\ntwo\n\nthree"),
        ("one ", "<eos> two", "\ntwo"),
    ],
)
def test_spaces_between_words(prompt: str, words: str, text: str) -> None:
    assert "".join(written(WORDS, prompt, [WORDS.tokens.index(w) for w in words.split()])) == text


@settings(deadline=None)
@given(st.lists(st.integers(1, len(WORDS) - 1)))
def test_pieces_joined_are_what_the_vocabulary_decodes(ids: list[int]) -> None:
    assert "".join(written(WORDS, "", ids)) == WORDS.decode(ids)
