"""Typed sentences are cut as the training data were."""

from __future__ import annotations

import pytest

from recurra.data.tokens import cut

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
