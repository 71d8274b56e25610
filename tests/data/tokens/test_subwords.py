from __future__ import annotations

import random
import sys

import numpy as np
import pytest

from recurra.data.tokens import subwords as module
from recurra.data.tokens.segment import SPACE
from recurra.data.tokens.subwords import Subwords, describe_sample, learned_from
from recurra.errors import DataError, UsageError

TEXTS = ["the lower house", "the lowest house!", "a new house, the newest", "lower and lower"] * 5


@pytest.fixture(scope="module")
def subwords() -> Subwords:
    return Subwords.build(TEXTS, max_size=40)


def test_a_text_comes_back_from_its_pieces(subwords):
    for text in TEXTS:
        ids = subwords.encode(text)
        assert ids.dtype == np.int64
        assert subwords.decode(ids) == text
    assert subwords.decode(subwords.encode("  lower   house ")) == "lower house"


def test_many_at_once_are_as_one_by_one(subwords):
    for row, text in zip(subwords.encode_all(TEXTS), TEXTS, strict=True):
        assert row.tolist() == subwords.encode(text).tolist()


def test_frequent_words_are_whole_and_rare_ones_in_pieces(subwords):
    assert subwords.pieces("house") == [f"{SPACE}house"]
    assert len(subwords.pieces("anew")) > 1
    assert "".join(subwords.pieces("house, lower")) == f"{SPACE}house,{SPACE}lower"


def test_signs_stand_by_themselves(subwords):
    assert subwords.pieces("house!")[-1] == "!"


def test_unknown_characters_are_told_and_kept_as_pieces(subwords):
    text = "the ß house ñ"
    assert subwords.unknown(text) == ["ß", "ñ"]
    ids, pieces = subwords.encode(text), subwords.pieces(text)
    assert [p for i, p in zip(ids, pieces, strict=True) if i == 0] == ["ß", "ñ"]
    assert "\ufffd" in subwords.decode(ids)


def test_the_name_of_the_unknown_token_is_text_like_any_other(subwords):
    assert "<unk>" not in subwords.pieces("lower <unk>")[:-1] or subwords.unknown("<") == ["<"]
    assert len(subwords.encode("<unk>")) > 1


def test_the_size_is_kept_even_below_the_alphabet():
    assert len(Subwords.build(TEXTS, max_size=30)) == 30
    assert len(Subwords.build(TEXTS, max_size=6)) == 6


def test_normalisation_is_part_of_it():
    lower = Subwords.build(["The House"] * 3, normalize=("lowercase",))
    assert lower.decode(lower.encode("THE house")) == "the house"


def test_json_and_back(subwords):
    again = Subwords.from_json(subwords.to_json())
    assert again == subwords
    assert again.encode(TEXTS[2]).tolist() == subwords.encode(TEXTS[2]).tolist()


def test_json_of_something_else_is_refused(subwords):
    with pytest.raises(DataError, match="sub-words have the keys"):
        Subwords.from_json({"level": "bpe"})
    with pytest.raises(DataError, match="sub-words: "):
        Subwords.from_json(subwords.to_json() | {"tokenizer": {"model": "x"}})


def test_ids_that_are_not_there(subwords):
    with pytest.raises(UsageError, match=rf"token id 40 is not in 0..{len(subwords) - 1}"):
        subwords.decode([40])


def test_limits_and_empty_texts():
    with pytest.raises(UsageError, match="max_size at least 2"):
        Subwords.build(TEXTS, max_size=1)
    with pytest.raises(DataError, match="no characters are left"):
        Subwords.build(["", " "])


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UsageError, match=r"tokenizers"):
        Subwords.build(TEXTS)


@pytest.mark.timeout(60)
def test_a_long_row_without_a_space_takes_time_in_proportion():
    learned = Subwords.build(["ab" * 200_000], max_size=50)
    assert len(learned.encode("ab" * 200_000)) < 100_000


def test_of_many_texts_a_stated_sample_is_learned_from(monkeypatch):
    monkeypatch.setattr(module, "MOST_TEXTS", 10)
    monkeypatch.setattr(module, "OF_PIECE", 0)
    rng = random.Random(0)
    texts = ["".join(rng.choices("abcd efgh", k=30)) for _ in range(100)]
    sample = [texts[i] for i in np.linspace(0, 99, 10).astype(int)]
    assert Subwords.build(texts, max_size=40) == Subwords.build(sample, max_size=40)
    assert describe_sample(100, 40, "lines") == ["sub-words are learned from 10 of the 100 lines"]
    assert describe_sample(10, 40, "lines") == []
    monkeypatch.setattr(module, "OF_PIECE", 2)
    assert learned_from(100, 40) == 80
    assert learned_from(100, 51) == 100


def test_a_script_of_thousands_of_characters_keeps_those_that_the_sample_has_not(monkeypatch):
    monkeypatch.setattr(module, "MOST_TEXTS", 10)
    monkeypatch.setattr(module, "OF_PIECE", 0)
    texts = [f"我们的{chr(0x4E00 + i)}" for i in range(50)] * 2
    known = Subwords.build(texts, max_size=200)
    assert not any(known.unknown(text) for text in texts)
    assert known.unknown("们\u5fff") == ["\u5fff"]
