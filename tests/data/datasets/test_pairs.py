"""The minimal pairs that come with Recurra: what a bag of characters cannot tell apart."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from recurra.data.datasets import named
from recurra.data.files.tables import read_table


def pairs(name: str) -> list[tuple[str, str]]:
    """The positive and the negative text of each."""
    table = read_table(named.get(name).files["all"]).columns
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for text, label, pair in zip(table["text"], table["label"], table["pair"], strict=True):
        assert label not in found[pair]
        found[pair][label] = text
    return [(pair["1"], pair["0"]) for pair in found.values()]


@pytest.mark.parametrize(("name", "count"), [("chinese-pairs", 72), ("chinese-pairs-tuning", 24)])
def test_both_texts_are_the_same_characters_in_another_order(name: str, count: int) -> None:
    found = pairs(name)
    assert len(found) == count
    for good, bad in found:
        assert Counter(good) == Counter(bad), (good, bad)
        assert good != bad


def test_no_text_stands_twice_and_none_to_tune_on_is_evaluated() -> None:
    judged = [text for pair in pairs("chinese-pairs") for text in pair]
    tuned = [text for pair in pairs("chinese-pairs-tuning") for text in pair]
    assert len({*judged, *tuned}) == len(judged) + len(tuned)


def test_three_domains_and_two_ways_to_turn_an_opinion() -> None:
    table = read_table(named.get("chinese-pairs").files["all"]).columns
    assert set(table["domain"]) == {"film", "hotel", "goods"}
    assert set(table["kind"]) == {"negation", "turn"}
    assert ("这个电影特效不差,推荐大家去看", "这个电影特效差,不推荐大家去看") in pairs("chinese-pairs")
