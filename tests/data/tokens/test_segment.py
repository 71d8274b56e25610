from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.data.tokens import segment


def test_words_are_runs_of_letters_and_single_signs() -> None:
    assert segment.words("It's 42,\nnot a_b!?") == [
        "It",
        "'",
        "s",
        "42",
        ",",
        "<eos>",
        "not",
        "a_b",
        "!",
        "?",
    ]


def test_text_that_is_cut_already_is_cut_at_white_space_only() -> None:
    text = " mr. <unk> is n.v. \n  N years \n"
    assert segment.words(text, "space") == ["mr.", "<unk>", "is", "n.v.", "<eos>", "N", "years", "<eos>"]


def test_join_puts_no_space_around_a_line_feed() -> None:
    assert segment.join(["a", "b", "<eos>", "<eos>", "c", "<eos>"]) == "a b\n\nc\n"
    assert segment.join([]) == ""


@pytest.mark.parametrize("split", ["words", "space"])
@given(text=st.text(alphabet="ab .,\n\u2028\u0085é中_"))
def test_the_end_of_a_word_agrees_with_the_words(split: segment.Split, text: str) -> None:
    tokens = segment.words(text, split)
    for count in range(len(tokens) + 1):
        end = segment.end_of_word(text, count, split)
        assert segment.words(text[:end], split) == tokens[:count]
        assert segment.words(text[end:], split) == tokens[count:]


@given(st.lists(st.sampled_from(["a", "bc", "<eos>"])))
def test_joined_words_are_cut_into_the_same_words(tokens: list[str]) -> None:
    assert segment.words(segment.join(tokens), "space") == tokens


_SIGNS = "ab_1é\u0301漢字.,'’\"$^\\\n\r \t\0\x1c\x1f\x7f\x85\u200d\u2028\u3000，。²½😀👩\ud83d"


@given(st.one_of(st.text(), st.text(alphabet=st.characters(max_codepoint=127)), st.text(alphabet=_SIGNS)))
def test_any_text_is_cut_as_the_pattern_cuts_it(text: str) -> None:
    assert segment.pieces(text) == segment._WORD.findall(text)


def test_words_are_what_the_pattern_finds_however_they_are_found() -> None:
    signs = "ab_1é\u0301漢.,'\n \t\x1c\x85\u2028\u3000²½\ud83d"
    random = Random(0)
    for _ in range(3000):
        text = "".join(random.choices(signs, k=random.randrange(14)))
        assert segment.pieces(text) == segment._WORD.findall(text), repr(text)
