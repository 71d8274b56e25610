from __future__ import annotations

import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recurra.data import share
from recurra.data.corpus import cache as corpus_cache
from recurra.data.corpus import mapped
from recurra.data.corpus.mapped import Corpus, build_corpus, encode_file
from recurra.data.splits import PARTS
from recurra.data.tokens.pieces import pieces
from recurra.data.tokens.segment import words
from recurra.data.tokens.vocabulary import Level, Vocabulary
from recurra.errors import DataError, UnknownNameError, UsageError

LINES = "".join(f"line {number}, of é words\n" for number in range(200))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "input.txt"
    path.write_text(LINES, encoding="utf-8")
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def _whole(corpus: Corpus) -> np.ndarray:
    return np.concatenate([corpus.train, corpus.validation, corpus.test])


def test_characters_are_cut_by_position(text: Path, cache: Path) -> None:
    corpus = build_corpus(text, fractions=(0.8, 0.15, 0.05), cache=cache)
    train, validation = LINES[: int(len(LINES) * 0.8)], LINES[int(len(LINES) * 0.8) : int(len(LINES) * 0.95)]
    assert corpus.vocabulary.decode(corpus.train) == train
    assert corpus.vocabulary.decode(corpus.validation) == validation
    assert corpus.vocabulary.decode(_whole(corpus)) == LINES
    assert corpus.vocabulary == Vocabulary.build([train])
    assert corpus.characters == {"train": len(train), "validation": len(validation), "test": len(corpus.test)}
    assert isinstance(corpus.train, np.memmap)
    assert corpus.train.dtype == np.uint16
    assert not corpus.train.flags.writeable
    assert list(corpus.sha256) == ["input.txt"]


def test_words_are_cut_at_a_line_end(text: Path, cache: Path) -> None:
    corpus = build_corpus(text, level="word", cache=cache)
    assert corpus.vocabulary.tokens[corpus.train[-1]] == "<eos>"
    assert len(_whole(corpus)) == len(words(LINES))
    lines = LINES.splitlines(keepends=True)
    train = "".join(lines[: int((corpus.train == corpus.vocabulary.tokens.index("<eos>")).sum())])
    assert 0.88 < len(train) / len(LINES) < 0.92
    assert corpus.vocabulary == Vocabulary.build([train], level="word")
    assert corpus.train.tolist() == corpus.vocabulary.encode(train).tolist()
    assert corpus.validation.tolist() == corpus.vocabulary.encode(LINES[len(train) :]).tolist()
    assert corpus.characters == {"train": len(train), "validation": len(LINES) - len(train), "test": 0}
    assert len(corpus.test) == 0


def test_bytes_are_cut_before_a_whole_character(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("中" * 100, encoding="utf-8")
    corpus = build_corpus(path, level="byte", cache=cache)
    assert corpus.characters == {"train": 90, "validation": 10, "test": 0}
    assert corpus.vocabulary.decode(corpus.validation) == "中" * 10
    corpus = build_corpus(path, level="byte", fractions=(0.5, 0.125, 0.375), cache=cache)
    assert "\ufffd" not in corpus.vocabulary.decode(corpus.train) + corpus.vocabulary.decode(corpus.validation)
    assert sum(corpus.characters.values()) == 100


@pytest.mark.parametrize("level", ["char", "word", "byte"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(body=st.text(alphabet="ab é\n中e\u0301", min_size=8), chunk=st.integers(1, 9))
def test_small_pieces_give_the_same_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: Level, body: str, chunk: int
) -> None:
    content = f"a b a b {body} a b a b\n"
    path = tmp_path / "a.txt"
    path.write_bytes(content.encode())
    whole = build_corpus(path, fractions=(0.5, 0.5, 0), level=level, normalize=("nfc",), cache=tmp_path / "one")
    with monkeypatch.context() as patch:
        small = partial(pieces, chunk_chars=chunk)
        patch.setattr("recurra.data.corpus.draft.pieces", small)
        patch.setattr("recurra.data.corpus.mapped.pieces", small)
        patch.setattr("recurra.data.corpus.draft._BLOCK", 8)
        cut = build_corpus(
            path, fractions=(0.5, 0.5, 0), level=level, normalize=("nfc",), cache=tmp_path / f"two{chunk}"
        )
        encoded, characters = encode_file(path, whole.vocabulary)
    assert cut.vocabulary == whole.vocabulary
    assert cut.characters == whole.characters
    assert np.array_equal(cut.train, whole.train)
    assert np.array_equal(cut.validation, whole.validation)
    assert np.array_equal(encoded, _whole(whole))
    assert characters == sum(whole.characters.values())


def test_a_file_for_each_part(tmp_path: Path, cache: Path) -> None:
    for part, content in {"train": "a b\nb a\n", "validation": "a zebra\n", "test": "b\n"}.items():
        (tmp_path / part).mkdir()
        (tmp_path / part / "text.txt").write_text(content, encoding="utf-8")
    files = {part: tmp_path / part / "text.txt" for part in ("train", "test", "validation")}
    corpus = build_corpus(files, level="word", split="space", cache=cache)
    assert corpus.vocabulary.tokens == ["<unk>", "<eos>", "a", "b"]
    assert corpus.train.tolist() == [2, 3, 1, 3, 2, 1]
    assert corpus.validation.tolist() == [2, 0, 1]
    assert corpus.test.tolist() == [3, 1]
    assert corpus.characters == {"train": 8, "validation": 8, "test": 2}
    assert sorted(corpus.sha256) == ["test/text.txt", "train/text.txt", "validation/text.txt"]


def test_characters_of_the_training_part_alone_are_known(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a" * 80 + "\U0001f600" * 20, encoding="utf-8")
    corpus = build_corpus(path, fractions=(0.8, 0.2, 0), cache=cache)
    assert corpus.vocabulary.tokens == ["<unk>", "a"]
    assert set(corpus.validation.tolist()) == {0}


def test_many_tokens_need_four_bytes(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(" ".join(f"w{number}" for number in range(70_000)), encoding="utf-8")
    corpus = build_corpus(path, fractions=(1, 0, 0), level="word", cache=cache)
    assert corpus.train.dtype == np.uint32
    assert len(np.unique(corpus.train)) == 70_000


def test_the_second_call_only_maps(text: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build_corpus(text, cache=cache)
    monkeypatch.setattr("recurra.data.corpus.draft.Draft.write", None)
    again = build_corpus(str(text), cache=cache)  # type: ignore[arg-type]
    assert again.vocabulary == first.vocabulary
    assert np.array_equal(again.train, first.train)
    assert again.characters == first.characters
    assert [path.suffix for path in cache.iterdir()] == [""]
    assert sorted(path.name for path in next(cache.iterdir()).iterdir()) == [
        "corpus.json",
        "train.npy",
        "validation.npy",
    ]


def test_other_settings_or_content_are_another_corpus(text: Path, cache: Path) -> None:
    build_corpus(text, cache=cache)
    build_corpus(text, level="byte", cache=cache)
    build_corpus(text, normalize=("lowercase",), cache=cache)
    build_corpus(text, fractions=(0.5, 0.5, 0), cache=cache)
    text.write_text(LINES + "more\n", encoding="utf-8")
    assert build_corpus(text, cache=cache).characters["train"] != int(len(LINES) * 0.9)
    assert len(list(cache.iterdir())) == 5


@pytest.mark.parametrize("damage", ["short", "gone", "no header", "altered header", "no json", "not a folder"])
def test_a_damaged_cache_is_built_again_and_said(
    text: Path, cache: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    good = build_corpus(text, cache=cache).vocabulary
    (folder,) = cache.iterdir()
    header = folder / "corpus.json"
    if damage == "short":
        os.truncate(folder / "train.npy", 200)
    elif damage == "gone":
        (folder / "validation.npy").unlink()
    elif damage == "no header":
        header.unlink()
    elif damage == "altered header":
        content = json.loads(header.read_text(encoding="utf-8"))
        content["content"]["vocabulary"]["tokens"][1] = "?"
        header.write_text(json.dumps(content), encoding="utf-8")
    elif damage == "no json":
        header.write_bytes(b"\xff{")
    else:
        folder.rename(cache / "aside")
        folder.write_text("x", encoding="utf-8")
    with caplog.at_level(logging.WARNING, logger="recurra.data"):
        again = build_corpus(text, cache=cache)
    assert again.vocabulary == good
    assert "is not whole" in caplog.text
    assert again.vocabulary.decode(_whole(again)) == LINES


def test_a_failed_build_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"good\nb\xe9d\n")
    with pytest.raises(DataError, match=r"a\.txt:2: 0xE9"):
        build_corpus(path, cache=cache)
    assert list(cache.iterdir()) == []


def test_a_ten_megabyte_line_is_a_corpus(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"all one line " * 800_000)
    corpus = build_corpus(path, cache=cache)
    assert len(_whole(corpus)) == 10_400_000
    assert len(corpus.train) == 9_360_000


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, r"a\.txt: the file is empty"),
        (b"ab\0c", {}, r"a\.txt:1: a NUL byte"),
        (b"a", {"fractions": (1, 0, 0)}, r"a\.txt: the train part has 1 character, it needs 2"),
        (b"abcdefghij", {}, "the validation part has 1 character"),
        (b" \n \n ", {"level": "word", "fractions": (1, 0, 0), "min_count": 3}, "no word occurs 3 times"),
        (b"  ", {"level": "word", "fractions": (1, 0, 0)}, "the train part has 0 words"),
    ],
)
def test_texts_that_cannot_be_a_corpus_are_refused(
    tmp_path: Path, cache: Path, content: bytes, options: dict[str, object], message: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        build_corpus(path, cache=cache, **options)  # type: ignore[arg-type]


def test_settings_that_cannot_be_are_refused(text: Path, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"files are given for train, validation, test, train at least, got dev"):
        build_corpus({"dev": text}, cache=cache)
    with pytest.raises(UnknownNameError, match="did you mean 'char'"):
        build_corpus(text, level="chars", cache=cache)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="fractions add up to 1"):
        build_corpus(text, fractions=(0.5, 0.1, 0.1), cache=cache)
    with pytest.raises(UsageError, match="256 bytes"):
        build_corpus(text, level="byte", max_size=9, cache=cache)
    with pytest.raises(DataError, match=r"none\.txt: no such file"):
        build_corpus(tmp_path / "none.txt", cache=cache)
    with pytest.raises(DataError, match="the cache cannot be written to"):
        build_corpus(text, cache=text)


def test_of_several_builders_one_builds(tmp_path):
    """They find it whole when he is done; what a killed one left is cleared away."""
    folder, built = tmp_path / "cache" / "key", []
    left = tmp_path / "cache" / "key.killed.tmp"
    left.mkdir(parents=True)

    def build(target):
        built.append(target)
        time.sleep(0.3)
        corpus_cache.write_part(target, "train", [np.arange(5)], 5, np.dtype(np.uint16))
        corpus_cache.write_header(target, Vocabulary.build(["ab"]), {"train": 5})

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: corpus_cache.load_or_build(folder, build), range(3)))
    assert len(built) == 1
    assert [stored.parts["train"].tolist() for stored in found] == [[0, 1, 2, 3, 4]] * 3
    assert os.listdir(tmp_path / "cache") == ["key"]


def test_a_disk_too_small_for_the_cache_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "long.txt"
    text.write_text("some words of a text\n" * 50_000)
    monkeypatch.setattr(mapped.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2_000_000))
    wrote: list[Path] = []
    monkeypatch.setattr(mapped.Draft, "write", lambda source, path, reading: wrote.append(path))
    with pytest.raises(DataError, match="needs about 6 MB for a text of 1 MB, and 2 MB are free there\nset RECURRA_"):
        build_corpus(text, cache=tmp_path / "cache")
    assert wrote == []
    assert list((tmp_path / "cache").glob("*.tmp")) == []


@pytest.mark.parametrize("other", ["é", "中", "\U0001f600", ""])
def test_pieces_of_wide_and_narrow_characters_make_one_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """Each piece of a draft takes as many bytes a character as it needs."""
    lines = [f"line {i}{other * (i % 3 == 0)}\n" for i in range(40)]
    body = "".join([*lines, *map(chr, range(0x4E00, 0x4F00)), "\n", *lines])
    path = tmp_path / "a.txt"
    path.write_text(body, encoding="utf-8")
    monkeypatch.setattr("recurra.data.corpus.draft.pieces", partial(pieces, chunk_chars=16))
    monkeypatch.setattr("recurra.data.corpus.draft._BLOCK", 5)
    corpus = build_corpus(path, fractions=(0.6, 0.3, 0.1), cache=tmp_path / "cache")
    expected = corpus.vocabulary.encode(body)
    assert np.array_equal(np.concatenate([corpus.train, corpus.validation, corpus.test]), expected)


def test_a_reading_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = tmp_path / "a.txt", []
    path.write_text("some text of some lines\n" * 200, encoding="utf-8")
    add = share.add
    with share.followed() as reading:

        def heard(units: float) -> None:
            add(units)
            found = reading.reached()
            assert found is not None
            seen.append(found[0])

        monkeypatch.setattr(share, "add", heard)
        monkeypatch.setattr("recurra.data.files.sources.BLOCK_BYTES", 100)
        build_corpus(path, cache=tmp_path / "cache")
        assert reading.reached() is None
    assert seen == sorted(seen)
    assert seen[0] <= 0.4
    assert seen[-1] == 1


@pytest.mark.parametrize("level", ["char", "word"])
@pytest.mark.parametrize("size", [2, 7, 10_000])
def test_a_smaller_vocabulary_is_cut_from_what_was_read_already(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: Level, size: int
) -> None:
    fresh = build_corpus(text, level=level, max_size=size, cache=tmp_path / "fresh")
    build_corpus(text, level=level, cache=tmp_path / "cache")
    monkeypatch.setattr(mapped.Draft, "write", None)  # the text is not read again
    monkeypatch.setattr(mapped, "BLOCK", 5)
    cut = build_corpus(text, level=level, max_size=size, cache=tmp_path / "cache")
    assert cut.vocabulary == fresh.vocabulary
    assert cut.characters == fresh.characters
    for part in PARTS:
        ours, theirs = getattr(cut, part), getattr(fresh, part)
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
