"""Large tagged data are read once: what is mapped from the cache is what was read."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.data import share
from recurra.data.ragged import digest
from recurra.errors import DataError
from recurra.tasks import read_once
from recurra.tasks.registry import get
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.tag import data as room
from recurra.tasks.tag import linear
from recurra.tasks.tag.data import TagData, prepare
from recurra.tasks.tag.settings import DEFAULTS, TagDataSettings
from tests.tasks.stored_once import check_built_again_where_damaged

SPANS = [f"the/O {word}{i % 9}/B-x {i % 7}/I-x of\u2581it/O" for i, word in enumerate(["cat", "Dog", "elk"] * 20)]
SINGLE = [f"{chr(0x4E00 + i % 23)}/B 好/I {chr(0x4E00 + i % 5)}/O" for i in range(60)]


@pytest.fixture(autouse=True)
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(read_once, "WORTH_STORING", 0)


def put(path: Path, sentences: list[str]) -> Path:
    """Sentences as "token/tag token/tag", written as columns, a comment before every fifth."""
    blocks = [sentence.replace("/", "\t").replace(" ", "\n") for sentence in sentences]
    blocks = [f"# number = {i}\n\n{block}" if not i % 5 else block for i, block in enumerate(blocks)]
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    return path


def shown(data: TagData) -> list[Any]:
    parts = [
        (
            name,
            list(part.sentences),
            [part.sentences[row] for row in range(len(part))],
            list(part.forms),
            part.words.tolist(),
            [ids.tolist() for ids in part.letters],
            None if part.pairs is None else part.pairs.tolist(),
            [ids.tolist() for ids in part.encoded],
            [ids.tolist() for ids in part.labels],
        )
        for name, part in data.parts.items()
    ]
    facts = {name: value for name, value in data.facts.items() if name != "training_part"}
    return [parts, data.tags, data.scheme, data.preprocessor.to_json(), facts, data.notes]


@pytest.mark.parametrize("sentences", [SPANS, SINGLE])
@pytest.mark.parametrize("given", [{}, {"max_length": 2, "min_count": 2, "normalize": ("lowercase",)}])
def test_what_is_stored_is_what_is_read(
    sentences: list[str], given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, settings = resolve(put(tmp_path / "t.bio", sentences), "tag"), TagDataSettings(**given)
    first, second = prepare(source, settings), prepare(source, settings)
    assert shown(first) == shown(second)
    kept = prepare(source, settings, kept=first.preprocessor)
    some = first.parts["train"].at(np.array([1, 3, 4]))
    assert [*some.sentences] == [first.parts["train"].sentences[row] for row in (1, 3, 4)]
    assert isinstance(some.sentences[0].lines, range)
    monkeypatch.setattr(read_once, "WORTH_STORING", 1 << 30)
    read = prepare(source, settings)
    assert shown(read) == shown(first)
    assert digest(read.read_words()) == first.facts["training_part"]
    assert shown(prepare(source, settings, kept=first.preprocessor)) == shown(kept)


def test_parts_and_tags_that_training_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "train.bio", SPANS[:40])
    put(tmp_path / "test.bio", [*SPANS[40:], "new/B-y x/O"])
    source = resolve(tmp_path, "tag")
    first = prepare(source, TagDataSettings())
    assert first.parts["test"].labels[20].tolist() == [-1, first.tags.index("O")]
    assert {sentence.file.name for sentence in first.parts["validation"].sentences} == {"train.bio"}
    assert shown(prepare(source, TagDataSettings())) == shown(first)
    monkeypatch.setattr(read_once, "WORTH_STORING", 1 << 30)
    assert shown(prepare(source, TagDataSettings())) == shown(first)


def test_other_characters_are_stored_apart(tmp_path: Path) -> None:
    source, settings = resolve(put(tmp_path / "t.bio", SPANS), "tag"), TagDataSettings()
    assert prepare(source, settings).lexicon.characters is not None
    assert prepare(source, settings, characters=False).lexicon.characters is None


def test_it_is_read_once_and_again_where_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source, settings = resolve(put(tmp_path / "t.bio", SPANS), "tag"), TagDataSettings()
    check_built_again_where_damaged(
        lambda: shown(prepare(source, settings)), room, tmp_path / "cache", monkeypatch, caplog
    )


def test_features_of_the_linear_skip_are_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, task = resolve(put(tmp_path / "t.bio", SPANS), "tag"), get("tag").task
    first = task.prepare(source, DEFAULTS.settings).data.features
    monkeypatch.setattr(linear, "choose_features", None)
    again = task.prepare(source, DEFAULTS.settings)
    assert all(torch.equal(a, b) for a, b in zip(first, again.data.features, strict=True))
    monkeypatch.undo()
    monkeypatch.setattr(read_once, "WORTH_STORING", 1 << 30)
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    read = task.prepare(source, DEFAULTS.settings).data.features
    assert all(torch.equal(a, b) for a, b in zip(first, read, strict=True))


def test_how_much_is_read_is_said_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, seen = resolve(put(tmp_path / "t.bio", SPANS), "tag"), list[float]()
    for name in ("build_lexicon", "encode_part"):

        def looked(*given: Any, _do: Any = getattr(room, name), **named: Any) -> Any:
            seen.append((reading.reached() or (0.0, 0.0))[0])
            return _do(*given, **named)

        monkeypatch.setattr(room, name, looked)
    with share.followed() as reading:
        prepare(source, TagDataSettings())
    assert seen[:2] == [room.READ, room.DIVIDED]
    assert room.DIVIDED < seen[2] < seen[3] < 1


def test_a_disk_too_small_is_told_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = resolve(put(tmp_path / "t.bio", SPANS), "tag")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1))
    monkeypatch.setattr(room, "read", None)
    with pytest.raises(DataError, match=r"the cache needs about 0 MB for data of 0 MB, and 0 MB are free"):
        prepare(source, TagDataSettings())
