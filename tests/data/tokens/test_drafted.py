"""Texts cut once are counted and read as a vocabulary does it."""

from __future__ import annotations

import pytest

from recurra.data.tokens.drafted import Drafted
from recurra.data.tokens.segment import Split
from recurra.data.tokens.vocabulary import Vocabulary

TEXTS = ["A b, <unk> a\nB", "", "c c\u0301 <eos>", "b unseen", "  "]


@pytest.mark.parametrize("split", ["words", "space"])
@pytest.mark.parametrize("limits", [(1, None), (2, None), (1, 4)])
def test_they_are_as_if_cut_each_time(split: Split, limits: tuple[int, int | None]) -> None:
    names, (rarest, largest) = ("lowercase",), limits
    drafted = Drafted(iter(TEXTS), names, split)
    made = Vocabulary.from_counts(
        drafted.count(3), level="word", normalize=names, split=split, min_count=rarest, max_size=largest
    )
    plain = Vocabulary.build(TEXTS[:3], level="word", normalize=names, split=split, min_count=rarest, max_size=largest)
    assert made == plain
    for start, stop in ((0, 3), (3, 5), (5, 5)):
        rows = drafted.encoded(made, start, stop)
        assert [row.tolist() for row in rows] == [plain.encode(text).tolist() for text in TEXTS[start:stop]]
