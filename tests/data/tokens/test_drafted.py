"""Texts cut once are counted and read as a vocabulary does it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.data.tokens import drafted as room
from recurra.data.tokens import segment
from recurra.data.tokens.drafted import Drafted
from recurra.data.tokens.normalize import normalize
from recurra.data.tokens.segment import Split
from recurra.data.tokens.subwords import Subwords, words_of
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
    drafted = Drafted(
        iter(TEXTS), lambda text: segment.words(normalize(text, names), split), tmp_path if on_disk else None
    )
    made = Vocabulary.from_counts(
        drafted.count(np.arange(3)), level="word", normalize=names, split=split, min_count=rarest, max_size=largest
    )
    plain = Vocabulary.build(TEXTS[:3], level="word", normalize=names, split=split, min_count=rarest, max_size=largest)
    assert made == plain
    for rows in ([0, 1, 2, 3, 4], [4, 0, 0, 3], [1], []):
        found = drafted.encoded(made, np.array(rows, np.int64))
        assert [row.tolist() for row in found] == [plain.encode(TEXTS[row]).tolist() for row in rows]
    keys = drafted.keys()
    assert len(set(keys.tolist())) == len(TEXTS) - 1  # the empty ones are the same
    assert keys[1] == keys[4]
    assert (drafted.keys(1)[0] == drafted.keys(1)[3]) == (TEXTS[0].split()[0] == TEXTS[3].split()[0])
    assert not list(tmp_path.iterdir())


def test_pieces_of_words_are_those_of_the_text(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    texts = ["Don't you\u2581see a <unk>?", "\u2581a b", "a \u2581b \u2581", "", "  see\nunseen \u4f60\u3002 you"] * 3
    vocabulary = Subwords.build(["You see, don't you see it?", "a b a b", "<unk>"] * 3, normalize=("lowercase",))
    drafted = Drafted(iter(texts), lambda text: words_of(text, ("lowercase",)), tmp_path)
    pieces = vocabulary.encode_words(drafted.words.names)
    rows = np.array([3, 4, 14, 0, 1, 2, 2])
    found = drafted.in_pieces(pieces, rows)
    assert [ids.tolist() for ids in found] == [vocabulary.encode(texts[row]).tolist() for row in rows.tolist()]
    assert len(drafted.in_pieces(pieces, rows[:0])) == 0
