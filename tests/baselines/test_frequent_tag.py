"""The most frequent tag of each word, worked out by hand."""

from __future__ import annotations

from recurra.baselines.frequent_tag import RARE, FrequentTag

TOKENS = [["the", "run"], ["run", "run", "quickly"], ["the", "dog"]]
TAGS = [["D", "N"], ["V", "V", "R"], ["D", "N"]]


def test_each_word_gets_its_commonest_tag() -> None:
    model = FrequentTag.fit(TOKENS, TAGS)
    assert model.tag(["run", "the", "dog"]) == ["V", "D", "N"]


def test_equal_counts_go_by_name() -> None:
    assert FrequentTag.fit([["a", "a"]], [["Y", "X"]]).tag(["a"]) == ["X"]


def test_unknscheduled_sampling_go_by_their_longest_known_ending_or_the_commonest_tag() -> None:
    model = FrequentTag.fit(TOKENS, TAGS)
    assert model.tag(["slowly", "fog", "Zz"]) == ["R", "N", "D"]  # -ly, -og; of D, N and V, twice each, D by name
    assert FrequentTag.fit(TOKENS, TAGS, suffixes=False).tag(["slowly", "the"]) == ["D", "D"]


def test_frequent_words_teach_no_endings() -> None:
    tokens, tags = [["is"] * (RARE + 1), ["cats", "cat"]], [["V"] * (RARE + 1), ["N", "N"]]
    model = FrequentTag.fit(tokens, tags)
    assert model.tag(["dogs", "this"]) == ["N", "N"]
    assert model.tag(["x"]) == ["V"]


def test_size() -> None:
    assert FrequentTag.fit([["ab"]], [["X"]], suffixes=False).size_bytes() == 5  # "ab", a gap, "X", a line's end
