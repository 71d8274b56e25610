from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.data.tokens.normalize import normalize
from recurra.data.tokens.segment import join, words
from recurra.data.tokens.vocabulary import Level, Vocabulary
from recurra.errors import DataError, UnknownNameError, UsageError

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1)
FORMS = st.lists(st.sampled_from(["nfc", "nfkc", "lowercase"]), max_size=2)


def test_tokens_stand_by_falling_frequency_then_code_point() -> None:
    assert Vocabulary.build(["banana", "cb"]).tokens == ["<unk>", "a", "b", "n", "c"]
    assert Vocabulary.build(["b a\na b"], level="word").tokens == ["<unk>", "a", "b", "<eos>"]


def test_ids_by_hand() -> None:
    vocabulary = Vocabulary.build(["banana"])
    ids = vocabulary.encode("nab!\U0001f600")
    assert ids.dtype == np.int64
    assert ids.tolist() == [2, 1, 3, 0, 0]
    assert vocabulary.decode(ids) == "nab\ufffd\ufffd"
    assert vocabulary.unknown("n!ab!?") == ["!", "?"]
    assert vocabulary.encode("").tolist() == []
    assert len(vocabulary) == 4


def test_limits_keep_the_most_frequent() -> None:
    assert Vocabulary.build(["aaabbc"], max_size=3).tokens == ["<unk>", "a", "b"]
    assert Vocabulary.build(["aaabbc"], min_count=3).tokens == ["<unk>", "a"]


def test_words_unknown_to_the_text_itself_have_id_0() -> None:
    vocabulary = Vocabulary.build(["a <unk> b \n"], level="word", split="space")
    assert vocabulary.encode("b <unk> zebra a \n").tolist() == [
        vocabulary.tokens.index("b"),
        0,
        0,
        vocabulary.tokens.index("a"),
        vocabulary.tokens.index("<eos>"),
    ]
    assert vocabulary.unknown("b <unk> zebra zebra") == ["zebra"]
    assert vocabulary.decode(vocabulary.encode("a zebra\nb")) == "a <unk>\nb"


def test_bytes_are_themselves_plus_one() -> None:
    vocabulary = Vocabulary.build([], level="byte")
    assert len(vocabulary) == 257
    assert vocabulary.encode("é\n").tolist() == [0xC3 + 1, 0xA9 + 1, 11]
    assert vocabulary.decode([0xC3 + 1]) == "\ufffd"
    assert vocabulary.decode([98, 0, 99]) == "a\ufffdb"
    assert vocabulary.unknown("日本") == []


@pytest.mark.parametrize("level", ["char", "byte"])
@given(text=TEXT, forms=FORMS)
def test_decoding_gives_the_normalised_text(level: Level, text: str, forms: list[str]) -> None:
    vocabulary = Vocabulary.build([text], level=level, normalize=forms)
    assert vocabulary.unknown(text) == []
    assert vocabulary.decode(vocabulary.encode(text)) == normalize(text, forms)


@given(TEXT.filter(str.strip))
def test_decoding_words_gives_the_words_joined(text: str) -> None:
    vocabulary = Vocabulary.build([text], level="word")
    assert vocabulary.decode(vocabulary.encode(text)) == join(words(text))


@pytest.mark.parametrize("level", ["char", "word", "byte"])
@given(text=TEXT.filter(lambda text: set(text.split()) - {"<unk>"}), forms=FORMS)
def test_json_gives_back_the_same_vocabulary(level: Level, text: str, forms: list[str]) -> None:
    vocabulary = Vocabulary.build([text], level=level, normalize=forms, split="space")
    again = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert again == vocabulary
    assert again.encode(text).tolist() == vocabulary.encode(text).tolist()


GOOD = {"level": "char", "normalize": [], "split": "words", "tokens": ["<unk>", "a"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": ["a"]}, "first token"),
        ({"tokens": []}, "first token"),
        ({"tokens": ["<unk>", "a", "a"]}, "'a' appears twice"),
        ({"tokens": ["<unk>", "ab"]}, "not one character"),
        ({"tokens": ["<unk>", 3]}, "list of strings"),
        ({"tokens": "<unk>"}, "list of strings"),
        ({"level": "syllable"}, "unknown vocabulary level"),
        ({"level": "byte"}, "257 fixed tokens"),
        ({"level": None}, "unknown vocabulary level"),
        ({"split": "x"}, "unknown word split"),
        ({"normalize": ["nfd"]}, "did you mean 'nfc'|'nfkc'"),
        ({"extra": 1}, "has the keys"),
    ],
)
def test_a_vocabulary_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Vocabulary.from_json({**GOOD, **change})


def test_arguments_that_cannot_be_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'char'"):
        Vocabulary.build(["a"], level="chars")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="min_count is at least 1, got 0"):
        Vocabulary.build(["a"], min_count=0)
    with pytest.raises(UsageError, match=r"max_size .* at least 2, got 1"):
        Vocabulary.build(["a"], max_size=1)
    with pytest.raises(UsageError, match="256 bytes"):
        Vocabulary.build(["a"], level="byte", min_count=2)
    with pytest.raises(DataError, match="no character occurs"):
        Vocabulary.build(["", ""])
    with pytest.raises(UsageError, match=r"token id 9 is not in 0\.\.1"):
        Vocabulary.build(["a"]).decode([1, 9])
    with pytest.raises(UsageError, match="token id -1"):
        Vocabulary.build(["a"]).decode([-1])


@pytest.mark.parametrize("level", ["char", "word", "byte"])
@pytest.mark.parametrize("names", [(), ("nfc", "lowercase")])
def test_many_texts_at_once_are_read_as_one_by_one(level: Level, names: tuple[str, ...]) -> None:
    vocabulary = Vocabulary.build(["ab é", "cd ef"], level=level, normalize=names)
    texts = ["abz", "", "e\u0301 cd", "\u0301x", "q \ud83d", "\ude00 d"]  # joined, the halves would be a pair
    for some in (texts, texts[:4], []):
        assert [ids.tolist() for ids in vocabulary.encode_all(some)] == [vocabulary.encode(t).tolist() for t in some]
        one_by_one = list(dict.fromkeys(piece for text in some for piece in vocabulary.unknown(text)))
        assert vocabulary.unknown_of(some) == one_by_one
