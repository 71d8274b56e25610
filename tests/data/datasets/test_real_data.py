"""The readers on public data, counted by others: runs where RECURRA_DATA names a folder that holds it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from recurra.data.corpus.mapped import build_corpus
from recurra.data.files.examples import distinct, from_files, from_folder, from_table
from recurra.data.splits import check_splits, from_parts, split
from recurra.data.twins import shared
from recurra.errors import DataError


@pytest.fixture
def data() -> Path:
    folder = os.environ.get("RECURRA_DATA")
    if not folder:
        pytest.skip("RECURRA_DATA is not set")
    return Path(folder)


def test_names(data: Path) -> None:
    examples = from_folder(data / "names")
    assert (len(examples), len(examples.classes()), len(set(examples.texts))) == (20_074, 18, 17_453)
    once, dropped = distinct(examples)
    parts = split(once)
    check_splits(parts)
    assert shared({name: part.texts for name, part in parts}) == {}
    assert len(once) + dropped == 20_074
    assert [len(part.classes()) for _, part in parts] == [18, 18, 18]


def test_sst2(data: Path) -> None:
    parts = from_parts(
        {name: from_table(data / f"sst2/{name}.tsv", text="sentence") for name in ("train", "dev", "test")}
    )
    check_splits(parts)
    assert [Counter(part.labels) for _, part in parts] == [
        {"1": 33_828, "0": 26_786},
        {"1": 3_741, "0": 2_994},
        {"1": 444, "0": 428},
    ]
    twice = shared({name: part.texts for name, part in parts})
    assert {pair: len(texts) for pair, texts in twice.items()} == {"train and validation": 75}


def test_movie_reviews_in_windows_1252(data: Path) -> None:
    files = {"pos": data / "mr/rt-polarity.pos", "neg": data / "mr/rt-polarity.neg"}
    assert Counter(from_files(files, encoding="cp1252").labels) == {"pos": 5_331, "neg": 5_331}
    with pytest.raises(DataError, match=r"rt-polarity\.pos:44: 0xF3, byte 48 of the line, is not utf-8"):
        from_files(files)


def test_chinese_reviews(data: Path) -> None:
    hotels = from_table(data / "chnsenticorp/ChnSentiCorp_htl_all.csv", text="review")
    assert (len(hotels), hotels.skipped) == (7_765, 1)
    assert hotels.items[-1].line == 7_767
    goods = from_table(data / "online_shopping/online_shopping_10_cats.zip", text="review", label="cat")
    assert (len(goods), goods.skipped, len(goods.classes())) == (62_773, 1, 10)
    assert goods.items[-1].line == 62_775


def test_penn_treebank(data: Path, tmp_path: Path) -> None:
    files = {
        part: data / f"ptb/ptb.{name}.txt"
        for part, name in [("train", "train"), ("validation", "valid"), ("test", "test")]
    }
    corpus = build_corpus(files, level="word", split="space", cache=tmp_path)
    assert [len(part) for part in (corpus.train, corpus.validation, corpus.test)] == [929_589, 73_760, 82_430]
    assert len(corpus.vocabulary) == 10_000


def test_tiny_shakespeare(data: Path, tmp_path: Path) -> None:
    corpus = build_corpus(data / "tinyshakespeare/input.txt", cache=tmp_path)
    assert (len(corpus.train), len(corpus.validation), len(corpus.vocabulary)) == (1_003_854, 111_540, 66)
    assert corpus.sha256 == {"input.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"}
