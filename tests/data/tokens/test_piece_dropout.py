"""Merges left out by chance: the same text in other pieces, the same ones for the same epoch."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.data.tokens.piece_dropout import PieceDropout
from recurra.errors import UsageError

pytest.importorskip("tokenizers")
from recurra.data.tokens.subwords import Subwords

TEXTS = ["the lower house", "the lowest house!", "a new house, the newest", "lower and lower"] * 5


@pytest.fixture(scope="module")
def subwords() -> Subwords:
    return Subwords.build(TEXTS, max_size=40)


def rows_of(subwords: Subwords, end: bool = True) -> list[np.ndarray]:
    rows = list(subwords.encode_all([*TEXTS, "the ß house", "unseen lowers"]))
    return [np.append(row, len(subwords)) for row in rows] if end else rows


def test_without_dropout_pieces_are_the_usual_ones(subwords: Subwords) -> None:
    """Joined one by one as the library joins them."""
    rows = rows_of(subwords)
    for found, row in zip(PieceDropout(subwords, 0.0).epoch(rows, 3), rows, strict=True):
        assert found.dtype == np.int64
        assert found.tolist() == row.tolist()


def test_texts_stay_and_pieces_change(subwords: Subwords) -> None:
    rows = rows_of(subwords)
    cut = PieceDropout(subwords, 0.3, seed=1)
    first = cut.epoch(rows, 0)
    for found, row in zip(first, rows, strict=True):
        assert subwords.decode(found[:-1]) == subwords.decode(row[:-1])
        assert found[-1] == len(subwords)
    assert sum(map(len, first)) > sum(map(len, rows))
    assert [r.tolist() for r in cut.epoch(rows, 1)] != [r.tolist() for r in first]
    assert [r.tolist() for r in cut.epoch(rows, 0, side=1)] != [r.tolist() for r in first]
    again = PieceDropout(subwords, 0.3, seed=1)
    again.epoch(rows, 7)  # what was drawn before changes nothing
    assert [r.tolist() for r in again.epoch(rows, 0)] == [r.tolist() for r in first]


def test_nearly_all_merges_left_out_leaves_characters(subwords: Subwords) -> None:
    (found,) = PieceDropout(subwords, 0.9999).epoch(rows_of(subwords, end=False)[:1], 0)
    assert len(found) == len("the lower house") + 1


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_cannot_be(subwords: Subwords, share: float) -> None:
    with pytest.raises(UsageError, match="from 0 to below 1"):
        PieceDropout(subwords, share)
