"""Texts cut once are counted and read as a vocabulary does it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.data.tokens import drafted as room
from recurra.data.tokens.drafted import Drafted
from recurra.data.tokens.segment import Split
from recurra.data.tokens.vocabulary import Vocabulary

TEXTS = ["A b, <unk> a\nB", "", "c c\u0301 <eos>", "b unseen", "  "]


@pytest.mark.parametrize("split", ["words", "space"])
@pytest.mark.parametrize("limits", [(1, None), (2, None), (1, 4)])
@pytest.mark.parametrize("on_disk", [False, True])
def test_they_are_as_if_cut_each_time(
    split: Split, limits: tuple[int, int | None], on_disk: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BLOCK", 2)
    names, (rarest, largest) = ("lowercase",), limits
    drafted = Drafted(iter(TEXTS), names, split, tmp_path if on_disk else None)
    made = Vocabulary.from_counts(
        drafted.count(np.arange(3)), level="word", normalize=names, split=split, min_count=rarest, max_size=largest
    )
    plain = Vocabulary.build(TEXTS[:3], level="word", normalize=names, split=split, min_count=rarest, max_size=largest)
    assert made == plain
    assert [row.tolist() for row in drafted.encoded(made)] == [plain.encode(text).tolist() for text in TEXTS]
    keys = drafted.keys()
    assert len(set(keys.tolist())) == len(TEXTS) - 1  # the empty ones are the same
    assert keys[1] == keys[4]
    assert (drafted.keys(1)[0] == drafted.keys(1)[3]) == (TEXTS[0].split()[0] == TEXTS[3].split()[0])
    assert not list(tmp_path.iterdir())
