"""Words are numbered by a dictionary while they are few, then by their hashes: the same either way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.data.corpus.mapped import build_corpus
from recurra.data.tokens import numbers
from recurra.data.tokens.drafted import Drafted
from recurra.data.tokens.numbers import Numbers
from recurra.data.tokens.segment import END_OF_LINE
from recurra.data.tokens.vocabulary import Vocabulary


def blocks(seed: int) -> list[list[str]]:
    """Of words that become more, with line ends, the token of a line end, and a block of nothing."""
    rng = np.random.default_rng(seed)
    found = [[f"w{i}" for i in (rng.random(300) ** 2 * 40 * (block + 1)).astype(int)] for block in range(12)]
    found[2][10:12], found[5][7] = ["\n", END_OF_LINE], "\n"
    return [*found[:4], [], *found[4:], ["w1"], ["new"]]


@pytest.mark.parametrize("large", [1, 60, 1 << 16])
def test_a_number_stands_for_one_word(large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "LARGE", large)
    known = Numbers()
    for words in blocks(large):
        given = known.of(words)
        assert given.dtype == np.uint32
        assert [known.names[i] for i in given.tolist()] == [END_OF_LINE if word == "\n" else word for word in words]
    assert len(set(known.names)) == len(known.names)
    assert "\n" not in known.names
    assert known.find(known.names).tolist() == list(range(len(known.names)))
    assert known.find(["never", "\n", "new"]).tolist() == [-1, known.find([END_OF_LINE])[0], known.find(["new"])[0]]
    assert known.find([]).tolist() == []


def test_a_text_and_a_table_are_the_same_by_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [" ".join(words) for words in blocks(0)]
    path = tmp_path / "t.txt"
    path.write_text("\n".join(texts), encoding="utf-8")
    vocabulary = Vocabulary.build(texts[:5], level="word")

    def read(folder: str) -> tuple[list[str], list[int], list[int]]:
        corpus = build_corpus(path, level="word", cache=tmp_path / folder)
        drafted = Drafted(texts, lambda text: text.split())
        encoded = drafted.encoded(vocabulary, np.arange(len(texts)))
        return corpus.vocabulary.tokens, corpus.train.tolist(), encoded.values.tolist()

    by_dictionary = read("a")
    monkeypatch.setattr(numbers, "LARGE", 5)
    assert read("b") == by_dictionary
