"""Typed sentences are cut as the training data were."""

from __future__ import annotations

import pytest

from recurra.data.tokens.typed import cut

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
