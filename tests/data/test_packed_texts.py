"""Packed texts are the texts, their ranks and numbers those of plain Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.data import packed as room
from recurra.data.files.examples import Example, Examples, distinct, joined
from recurra.data.files.rows import RowsReader
from recurra.data.packed import PackedTexts, Packer, numbered
from recurra.data.splits import check_splits, divide, split
from recurra.errors import DataError

TEXTS = ["b", "", "ä\ud800", "b", "one that is longer than a prefix", "one that is longer than", "😀", "\uffff"]
PAIRS = st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from("xyz")), min_size=1, max_size=60)


def packed(texts: list[str], folder: Path | None = None) -> PackedTexts:
    packer = Packer(folder)
    for text in texts:
        packer.add(text)
    return packer.done()[0]


def rows_of(pairs: list[tuple[str, str]]) -> tuple[Examples, Examples]:
    """In a list, and packed."""
    path, reader = Path("data.csv"), RowsReader(Path("data.csv"))
    for line, (text, label) in enumerate(pairs, start=2):
        reader.add(text, label, line)
    return Examples([Example(*pair, path, line) for line, pair in enumerate(pairs, start=2)]), Examples(reader.done())


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("block", [1, 3, 100])
def test_texts_come_back(block: int, on_disk: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BLOCK", block)
    found = packed(TEXTS, tmp_path if on_disk else None)
    for some in (list(found), [found[i] for i in range(len(found))], found[:]):
        assert some == TEXTS
    assert found[-1] == TEXTS[-1]
    assert list(found.at(np.array([7, 0, 7]))) == [TEXTS[7], TEXTS[0], TEXTS[7]]
    assert list(found.at(np.zeros(0, np.int64))) == []
    assert not list(tmp_path.iterdir())
    with pytest.raises(IndexError):
        found[len(TEXTS)]


@settings(max_examples=25)
@given(st.lists(st.sampled_from(TEXTS) | st.text(max_size=20)))
def test_ranks_are_those_of_python(texts: list[str]) -> None:
    texts = list(dict.fromkeys(texts))
    ranks = packed(texts).ranks().tolist()
    assert [texts[place] for place in np.argsort(ranks)] == sorted(texts)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))))
def test_numbers_are_given_by_appearance(pairs: list[tuple[int, int]]) -> None:
    keys = np.array(pairs, np.int64).reshape(-1, 2)
    numbers: dict[tuple[int, int], int] = {}
    found, first = numbered(keys[:, 0], keys[:, 1])
    assert found.tolist() == [numbers.setdefault(pair, len(numbers)) for pair in pairs]
    assert first.tolist() == [pairs.index(pair) for pair in numbers]


@settings(max_examples=25)
@given(PAIRS, st.integers(0, 3))
def test_packed_examples_are_divided_as_a_list_of_them_is(pairs: list[tuple[str, str]], seed: int) -> None:
    plain, rows = rows_of(pairs)
    assert list(rows) == plain.items
    assert (list(rows.texts), rows.labels, rows.classes()) == (plain.texts, plain.labels, plain.classes())
    (plain, dropped), (rows, as_many) = distinct(plain), distinct(rows)
    assert (list(rows), as_many) == (plain.items, dropped)
    shares = (0.6, 0.2, 0.2)
    for form in (None, lambda text: text[:1]):
        parts = divide(plain, shares, seed=seed, form=form)
        assert divide(rows, shares, seed=seed, form=form).tolist() == parts.tolist()
        firsts = np.array([ord((text if form is None else text[:1] or "\0")[:1] or "\0") for text in plain.texts])
        if form is not None:
            assert divide(rows, shares, seed=seed, form=form, keys=firsts.astype(np.uint64)).tolist() == parts.tolist()
    divided = split(rows, shares, seed=seed)
    assert [list(part) for _, part in divided] == [part.items for _, part in split(plain, shares, seed=seed)]
    assert list(joined([divided.train, divided.test])) == [*divided.train, *divided.test]
    said = []
    for examples in (plain, rows):
        try:
            check_splits(split(examples, shares, seed=seed))
            said.append("")
        except DataError as error:
            said.append(str(error))
    assert said[0] == said[1]
