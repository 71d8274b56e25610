from __future__ import annotations

import pytest

from recurra.data.tokens.segment import SPACE
from recurra.data.tokens.subwords import Subwords
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.decoding.spelling import detokenize, join_words, pieces, shown

TEXTS = ["the old house, the new house!", "an old tree"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["Ein", "Mann", ",", "alt", "."], "Ein Mann, alt."),
        (["l", "'", "homme", "(", "vieux", ")", "!"], "l'homme (vieux)!"),
        (['"', "Ja", '"', ",", "sagt", "er"], '"Ja", sagt er'),
        (["T", "-", "Shirt"], "T-Shirt"),
        ([], ""),
    ],
)
def test_words_and_signs_become_a_text(words, text):
    assert join_words(words) == text


@pytest.mark.parametrize("level", ["char", "word", "byte"])
def test_there_is_a_piece_for_every_id(level):
    vocabulary = Vocabulary.build(TEXTS, level=level)
    text = "the odd house ñ"
    assert len(pieces(vocabulary, text)) == len(vocabulary.encode(text))
    whole = Vocabulary.build(TEXTS, level="word")
    assert pieces(whole, text) == ["the", "odd", "house", "ñ"]


@pytest.mark.parametrize("level", ["char", "word", "byte", "bpe"])
def test_a_text_comes_back(level):
    vocabulary = Subwords.build(TEXTS) if level == "bpe" else Vocabulary.build(TEXTS, level=level)
    ids = vocabulary.encode(TEXTS[0]).tolist()
    assert detokenize(vocabulary, ids, [None] * len(ids)) == TEXTS[0]


def test_an_unknown_token_becomes_what_was_looked_at():
    vocabulary = Vocabulary.build(TEXTS, level="word")
    ids = [0, *vocabulary.encode("house !").tolist()]
    assert detokenize(vocabulary, ids, ["Anna", "x", "y"]) == "Anna house!"
    assert detokenize(vocabulary, ids, [None, None, None]) == "<unk> house!"
    subwords = Subwords.build(TEXTS)
    ids = [*subwords.encode("old").tolist(), 0]
    assert detokenize(subwords, ids, [*[None] * (len(ids) - 1), f"{SPACE}好"]) == "old 好"


def test_chinese_words_stand_without_spaces():
    vocabulary = Vocabulary(["<unk>", "电影", "好"], level="word", split="chinese")
    assert detokenize(vocabulary, [1, 2], [None, None]) == "电影好"


def test_pieces_for_people():
    assert [shown(p) for p in (f"{SPACE}the", "ir", SPACE)] == ["the", "ir", "␣"]
