"""Typed sentences are cut as the training data were."""

from __future__ import annotations

import pytest

from recurra.data.tokens.given_tokens import Tokenised
from recurra.data.tokens.typed import Habit, cut
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UsageError

KNOWN = {"do", "n't", "'s", "U.S.", "...", "it"}


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It works.", ["It", "works", "."]),
        ('"Hi," she said...', ['"', "Hi", ",", '"', "she", "said", "..."]),
        ("I don't, it's", ["I", "do", "n't", ",", "it", "'s"]),
        ("I'll", ["I", "'", "ll"]),  # 'll is not known here
        ("the U.S. pays 3.50 or 1,000 at 10:30", ["the", "U.S.", "pays", "3.50", "or", "1,000", "at", "10:30"]),
        ("me@home.org (see http://a.b/c)", ["me@home.org", "(", "see", "http://a.b/c", ")"]),
        ("हिन्दी में लिखी।", ["हिन्दी", "में", "लिखी", "।"]),
        ("well-known", ["well", "-", "known"]),
        ("  \t ", []),
    ],
)
def test_cut(text: str, tokens: list[str]) -> None:
    assert cut(text, KNOWN.__contains__) == tokens


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["(", ")", "-", "(a)", "@a", "a@", "@.", "1.", "://", "a://", "n't", "'s"])
def test_long_rows_of_signs_take_time_in_proportion(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert "".join(cut(text, {"n't", "'s"}.__contains__)) == text


def test_what_is_longer_than_any_token_is_cut_all_the_same() -> None:
    assert cut("a" * 2_000 + "...", {"..."}.__contains__) == ["a" * 2_000, "..."]
    assert cut("-" * 60, {"-" * 60}.__contains__) == ["-" * 60]


NEWSWIRE = [
    ("Bre-X", "fell", "14-1", "on", "1996-12-06", "."),
    ("Rate", "cuts", "by", "the", "Nikkei-225", "and", "USD/DM", "...."),
    ("He", "said", "so", "....", "-"),
]


@pytest.mark.parametrize(
    "text", ["Bre-Y fell 15-2 on 1997-11-05", "Bre-X lost ....", "to DM/JPY", "Foo Corp. , Ltd. rose", "F. B. 's Z-3"]
)
def test_what_tokenised_data_keep_whole_is_not_cut(text: str) -> None:
    known = {token for sentence in NEWSWIRE for token in sentence} | {"'s"}
    assert cut(text, known.__contains__, Habit.of(NEWSWIRE)) == text.split()


def test_a_habit_is_what_is_done_more_often() -> None:
    cuts = [("well", "-", "known"), ("e-mail", "list"), ("x", "-", "y"), ("!", "!")]
    assert Habit.of(cuts) == Habit()
    assert Habit.of([*cuts, ("a-b", "c-d")]) == Habit(frozenset({"a-a"}))
    assert cut("x-ray!!", set().__contains__, Habit.of(cuts)) == ["x", "-", "ray", "!", "!"]
    assert cut("x-ray!!,--", set().__contains__, Habit(frozenset({"a-a"}), frozenset("!-"))) == [
        "x-ray",
        "!!",
        ",",
        "--",
    ]


def test_a_space_before_a_full_stop_is_a_slip_where_other_signs_cling() -> None:
    assert cut('Yes, "it\'s" so .', KNOWN.__contains__) == ["Yes", ",", '"', "it", "'s", '"', "so", "."]


def test_given_tokens_are_taken_as_they_are() -> None:
    given = Tokenised(["It's", "well-known."])
    assert given == "It's well-known." == given.strip()
    assert cut(given, KNOWN.__contains__) == ["It's", "well-known."]
    for wrong in (["a", ""], ["a b"]):
        with pytest.raises(UsageError, match="is not empty, without white space"):
            Tokenised(wrong)


def test_a_vocabulary_takes_given_tokens_as_it_was_trained() -> None:
    spaced = Vocabulary.build(["Bre-X fell ."], level="word", split="space", normalize=["lowercase"])
    signs = Vocabulary.build(["Bre-X fell."], level="word", split="words")
    given = Tokenised(["Bre-X", "rose"])
    assert [spaced.tokens[i] for i in spaced.encode(given)] == ["bre-x", "<unk>"]
    assert spaced.unknown(given) == signs.unknown(given) == ["rose"]
    assert [signs.tokens[i] for i in signs.encode(given)] == ["Bre", "-", "X", "<unk>"]
    with pytest.raises(UsageError, match="this model reads characters, not words; give it a text"):
        Vocabulary.build(["ab"], level="char").encode(given)
