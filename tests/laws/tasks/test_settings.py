"""What can be set about each task: what it does not read is refused by name, and what it can be given it reads."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from recurra.api import preparation, vectors
from recurra.api.preparation import prepare_run, settings_for
from recurra.data.datasets import moving
from recurra.data.datasets.moving import draw_clips
from recurra.data.pictures.showing import png
from recurra.errors import UnknownNameError, UsageError
from recurra.tasks.registry import ROWS, get, readers
from recurra.tasks.settings import PATHS, DataSettings
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.sources.source import Source
from recurra.topologies.settings import NetworkSettings
from recurra.training.fit import fit
from recurra.training.settings import TrainingSettings
from tests.data.sound import sines

TASKS = [row.name for row in ROWS]
EVERYTHING = sorted(set().union(*(row.defaults.settings.names() for row in ROWS)))
BEFORE = {*PATHS, "segment", "baselines"}
"""Become files, other settings or nothing to do before a task sees them."""
LATER = {"tag": {"word_split"}}
"""Are read when a trained model is loaded."""


def value_of(name: str) -> Any:
    """What a setting is in the task that has it first: often what it is anyway, which is refused all the same."""
    groups = get(readers(name)[0]).defaults.settings.groups().values()
    return next(getattr(group, name) for group in groups if name in type(group).model_fields)


@pytest.mark.parametrize("task", TASKS)
def test_what_a_task_does_not_read_is_refused_by_name(task: str) -> None:
    source = Source("a", task, get(task).sources[0], {"all": Path("a.txt")})
    own = get(task).defaults.settings.names()
    others = [name for name in EVERYTHING if name not in own]
    assert others
    for name in others:
        assert task not in readers(name)
        with pytest.raises(UsageError) as caught:
            settings_for(source, {name: value_of(name)})
        said = str(caught.value)
        assert said.startswith(f"{name} is a setting of the task")
        assert said.endswith(f"this run's task is {task}")
        assert all(reader in said for reader in readers(name))


@pytest.mark.parametrize("task", TASKS)
def test_what_no_task_has_is_unknown(task: str) -> None:
    source = Source("a", task, get(task).sources[0], {"all": Path("a.txt")})
    with pytest.raises(UnknownNameError, match="hidden_size"):
        settings_for(source, {"hiden_size": 9})
    with pytest.raises(UnknownNameError, match="hidden_size"):
        settings_for(replace(source, options={"hiden_size": 9}), {})


@pytest.mark.parametrize("task", TASKS)
def test_each_setting_stands_in_one_group(task: str) -> None:
    groups = get(task).defaults.settings.groups().values()
    assert sum(len(type(group).model_fields) for group in groups) == len(get(task).defaults.settings.names())


# what a task can be given it reads

SMALL: dict[str, Any] = {"hidden_size": 4, "embedding_size": 4, "epochs": 3.0, "batch_size": 64, "min_count": 1}
LINES = [
    f"{who} {does} the {what} today"
    for who in ("ann", "bob", "eve", "joe")
    for does in ("sees", "has", "buys")
    for what in ("cat", "dog", "hat")
]


def table(folder: Path, *, parts: bool = False) -> Path:
    rows = [
        "text\tlabel\tpart",
        *(f"{line}\t{line[:3]}\t{('train', 'validation')[i % 5 == 0]}" for i, line in enumerate(LINES)),
    ]
    return write(folder / "table.tsv", rows if parts else [row.rpartition("\t")[0] for row in rows])


def write(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def languages(folder: Path) -> Path:
    lines = [*LINES, "a line with more words than all of the others"]
    for part in ("train", "validation"):
        write(folder / "pairs" / f"{part}.en", lines)
        write(folder / "pairs" / f"{part}.de", [line.upper() for line in lines])
    return folder / "pairs"


def tunes(folder: Path) -> Path:
    tune = "X:{}\nT:a\nM:4/4\nL:1/8\nK:{}\nCDEF GABc|cBAG FEDC|C{} DEFG ABc|\n"
    return write(
        folder / "tunes" / "reel.abc", [tune.format(i, "GDCA"[i % 4], "zabcdefgGABCDEF"[i]) for i in range(15)]
    )


def write_picture(path: Path, ground: int) -> None:
    path.write_bytes(png(np.full((3, 16, 16), ground, np.uint8)))


def sound_is_read() -> bool:
    return importlib.util.find_spec("soundfile") is not None


def recordings(folder: Path) -> Path:
    pytest.importorskip("soundfile")
    return sines.events(folder, 10)


def clips(folder: Path) -> Path:
    """A few of the drawn clips, with a label a frame."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moving, "draw_clips", lambda: islice(draw_clips(), 24))
        moving.write_clips(folder, per_frame=True)
    return folder


def runs(task: str, folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Data and settings that together ask for all that a task has."""
    words = {"level": "word"}
    match task:
        case "language":
            yield write(folder / "text.txt", LINES), words
            yield table(folder), {"level": "bpe", "text": "text", "max_vocabulary": 40}
        case "classify":
            yield table(folder), words
            yield table(folder, parts=True), {"split_column": "part", "pooling": "mean"}
        case "tag":
            tagged = [f"{word} {'B' if word in ('cat', 'dog') else 'O'}" for line in LINES for word in line.split()]
            sentences = [row for i, word in enumerate(tagged) for row in (word, *([""] if i % 5 == 4 else []))]
            yield write(folder / "tagged.bio", sentences), {"char_size": 3, "pair_size": 3}
        case "fill":
            yield write(folder / "text.txt", LINES), words
            yield table(folder), words
        case "translate":
            yield table(folder), words
            yield languages(folder), words | {"max_length": 6}
        case "generate":
            yield table(folder), words
            yield table(folder, parts=True), {"split_column": "part"}
            yield tunes(folder), {"max_length": 200}
        case "caption":
            for number in range(10):
                write_picture(folder / f"p{number}.png", number)
            parts = ["train"] * 7 + ["validation"] * 3
            rows = [f"p{n}.png,{line},{part}" for n, (line, part) in enumerate(zip(LINES * 5, parts, strict=False))]
            yield write(folder / "c.csv", ["image,caption,part", *rows]), words | {"split_column": "part"}
            np.save(folder / "v.npy", np.arange(200.0).reshape(10, 4, 5))
            yield folder / "c.csv", words | {"features": "v.npy", "max_length": 4}
        case "frames":
            rows = [
                f"s{n},{step},{(n % 2) * step},{n % 2},g{n},{('train', 'validation')[n % 5 == 0]}"
                for n in range(20)
                for step in range(4)
            ]
            head = "id,t,x,label,who,part"
            yield write(folder / "moves.csv", [head, *rows]), {"group": "who"}
            yield write(folder / "moves.csv", [head, *rows]), {"split_column": "part", "pooling": "mean"}
            yield recordings(folder / "sounds"), {"mels": 8}
            yield clips(folder / "clips"), {"encoder_size": 8, "encoder_width": 4, "move": 0.1}
        case "generate-frames":
            rows = [f"s{n},{t},{n + t * (n % 2)},{n % 2},{n % 5 // 4}" for n in range(20) for t in range(4)]
            moves = write(folder / "moves.csv", ["id,t,x,label,part", *rows])
            halves = {"split": (0.5, 0.25, 0.25)}
            yield moves, halves
            yield moves, halves | {"channels": ("x",), "mixtures": 2, "reader_dropout": 0.1}
            if sound_is_read():
                yield sines.folders(folder / "sounds", 20), halves | {"mels": 8}
        case "forecast":
            rows = [f"2020-{m:02}-{d:02},{10 + d % 7}" for m in (1, 2, 3) for d in range(1, 29)]
            yield (
                write(folder / "series.csv", ["ds,y", *rows]),
                {"horizon": 2, "window": 7, "frequency": "D", "dates": True},
            )


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The settings that are looked at from now on."""
    found: set[str] = set()

    def looked_at(self: BaseModel, name: str) -> Any:
        if name in EVERYTHING:
            found.add(name)
        return object.__getattribute__(self, name)

    for group in (DataSettings, NetworkSettings, TrainingSettings):
        monkeypatch.setattr(group, "__getattribute__", looked_at)
    monkeypatch.setattr(preparation, "check_sense", lambda *_: None)
    return found


@pytest.mark.parametrize("task", TASKS)
def test_what_a_task_can_be_given_it_reads(task: str, tmp_path: Path, read: set[str]) -> None:
    found: set[str] = set()
    vectors_file = write(tmp_path / "vectors.txt", [f"{word} 1 2 3 4" for word in ("cat", "the", "a", "C")])
    for path, given in runs(task, tmp_path):
        for optimizer in ({"optimizer": "sgd", "clip_value": 1.0}, {"optimizer": "adamw"}):
            source = resolve(path, task if path.suffix or task == "generate-frames" else None)
            small = {name: value for name, value in SMALL.items() if task in readers(name)}
            settings = settings_for(source, small | given | optimizer)
            read.clear()
            setup = prepare_run(source, settings)
            fit(setup.trainee, setup.settings.training)
            for file in (None, vectors_file) if task in readers("vectors") else (None,):
                vectors.start(setup, file, lambda _: None)
            found |= read
    assert get(task).defaults.settings.names() - found - BEFORE == LATER.get(task, set())
