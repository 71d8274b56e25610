"""A small example of every task: data that a few steps can be trained on, and questions."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra
from recurra.baselines.forecast import classical, perceptron
from recurra.data.pictures.showing import png
from recurra.locks import holding

SMALL: dict[str, Any] = {
    "hidden_size": 6,
    "embedding_size": 5,
    "batch_size": 16,
    "epochs": 2.0,
    "device": "cpu",
    "quiet": True,
    "dropout": 0.2,
    "recurrent_dropout": 0.1,
    "zoneout": 0.1,
}
NOUNS = {"dog": "Hund", "cat": "Katze", "man": "Mann", "house": "Haus", "tree": "Baum", "book": "Buch"}
VERBS = {"sees": "sieht", "has": "hat", "likes": "mag"}
CITIES = (("Rome",), ("New", "York"), ("San", "Jose"), ("Oslo",))
MARKUP = "<b>&"
"""Stands in the data of every task whose texts allow it, and may stand in no page as markup."""


def labels(folder: Path) -> Path:
    rng, kinds = random.Random(0), folder / "kinds"
    kinds.mkdir()
    for name, letters in (("low", "abcde"), (f"high{MARKUP}", "efghi")):
        lines = sorted({"".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(70)})[:50]
        (kinds / f"{name}.txt").write_text("\n".join(lines) + f"\nx{MARKUP}{name[0]}\n", encoding="utf-8")
    return kinds


def sentences(folder: Path) -> Path:
    rng, path = random.Random(1), folder / "rhymes.txt"
    words = ["sun", "moon", "rose", "nose", "sea", "tea", MARKUP]
    lines = {" ".join(rng.choices(words, k=rng.randint(4, 7))) for _ in range(90)}
    path.write_text("\n".join(sorted(lines)) + "\n", encoding="utf-8")
    return path


def tagged(folder: Path) -> Path:
    lines = []
    for number in range(80):
        city = CITIES[number % 4]
        tags = ["B-city", "I-city"][: len(city)]
        lines += [f"go{number} O", f"to{MARKUP} O", *(f"{w} {t}" for w, t in zip(city, tags, strict=True)), ""]
    path = folder / "go.bio"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def pairs(folder: Path) -> Path:
    lines = [
        f"a {s} {v} a {o} {MARKUP}.\tein {NOUNS[s]} {VERBS[v]} ein {NOUNS[o]} {MARKUP}.\n"
        for s in NOUNS
        for v in VERBS
        for o in NOUNS
    ]
    path = folder / "pairs.tsv"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def series(folder: Path) -> Path:
    """Two series of a season of 12 and noise, 72 months each."""
    rng, rows = random.Random(2), []
    for name, level in (("plain", 10.0), (f"high{MARKUP}", 400.0)):
        for step in range(72):
            value = level * (1 + 0.3 * math.sin(math.pi * step / 6) + 0.02 * rng.gauss(0, 1))
            rows.append(f"{name},{2015 + step // 12}-{step % 12 + 1:02},{value:.4f}\n")
    path = folder / "series.csv"
    path.write_text(f"unique_id,ds,y\n{''.join(rows)}", encoding="utf-8")
    return path


def frames(folder: Path) -> Path:
    """Sequences of two channels that rise or fall, of unequal length, some values missing."""
    rng, rows = random.Random(3), []
    for number in range(60):
        up = number % 2
        for step in range(rng.randint(5, 12)):
            cells = [f"{(step if up else -step) / 6 + rng.gauss(0, 0.3):.4f}", f"{rng.gauss(0, 1):.4f}"]
            if rng.random() < 0.05:
                cells[1] = ""
            rows.append(f"s{number},{','.join(cells)},{f'up{MARKUP}' if up else 'down'}\n")
    path = folder / "moves.csv"
    path.write_text(f"id,x,y,label\n{''.join(rows)}", encoding="utf-8")
    return path


def pictures(folder: Path) -> Path:
    """Squares of three colours, left or right, with a caption or two each."""
    rng, rows = np.random.default_rng(4), []
    place = folder / "squares"
    place.mkdir()
    for number in range(40):
        kind, right = number % 3, number // 3 % 2
        rows += [f"p{number}.png\ta {COLOURS[kind]} square {MARKUP} {('left', 'right')[right]}"]
        rows += [f"p{number}.png\tsomething {COLOURS[kind]}"] if number % 4 == 0 else []
        (place / f"p{number}.png").write_bytes(png(square(kind, right, int(rng.integers(40, 90)))))
    (place / "captions.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return place


COLOURS = ("red", "green", "blue")


def square(kind: int, right: int, ground: int) -> Any:
    """[3, 20, 24]"""
    made = np.full((3, 20, 24), ground, np.uint8)
    made[kind, 6:14, 12 * right + 2 : 12 * right + 10] = 250
    return made


def _predict(run: recurra.Run, texts: list[str]) -> list[Any]:
    return run.model.document(run.predict(texts, top=2))


def _forecast(run: recurra.Run, inputs: list[Any]) -> list[Any]:
    return run.model.document(run.predict(inputs, horizon=5))


def _generate(run: recurra.Run, texts: list[str]) -> list[Any]:
    return [str(run.generate(text, 12, seed=3)) for text in texts]


def _draw(run: recurra.Run, classes: list[Any]) -> list[Any]:
    drawn = [run.generate(condition=name, length=12, temperature=0.7, seed=3) for name in classes]
    return [one.document() for (one,) in drawn]


@dataclass(frozen=True)
class Tiny:
    """write: the data into a folder; settings: what is set besides SMALL; ask: plain answers to what is asked; without:
    those of SMALL that the task does not read
    """

    task: str
    write: Callable[[Path], Path]
    asked: list[Any]
    settings: dict[str, Any] = field(default_factory=dict)
    ask: Callable[[recurra.Run, list[Any]], list[Any]] = _predict
    without: frozenset[str] = frozenset()

    def train(self, folder: Path, out: Path, **given: Any) -> recurra.Run:
        """Data are written once into a folder."""
        place = folder / "data"
        if not place.is_dir():
            place.mkdir()
            self.write(place)
        (data,) = place.iterdir()
        small = {name: value for name, value in SMALL.items() if name not in self.without}
        with pytest.MonkeyPatch.context() as patch:  # of the forecasts' baselines the slow ones
            patch.setattr(classical, "installed", lambda: False)
            patch.setattr(perceptron, "STEPS", 20)
            return recurra.train(data, task=self.task, out=out, **small | self.settings | given)


MOVES = [np.linspace([0, 0], [2, 0], 9), np.zeros((1, 2)), np.array([[0.0, np.nan], [-1.0, 2.0]])]
"""Sequences of frames."""
COURSES = [np.arange(40.0), 5 + np.sin(np.arange(50.0)), np.zeros(30)]
"""Asked to be gone on with."""
TINY = {
    tiny.task: tiny
    for tiny in (
        Tiny("classify", labels, ["abab", "ghi", f"x{MARKUP}", "e"], {"num_layers": 2}),
        Tiny(
            "language",
            sentences,
            ["sun moon", "tea", "rose nose sea"],
            {"bptt": 20, "learned_state": True, "zoneout_cell": 0.1},
        ),
        Tiny("tag", tagged, ["go1 to Rome", "go2 to New York", "Oslo"], {"char_size": 4, "char_embedding_size": 4}),
        Tiny("fill", sentences, ["sun ____ rose nose", "tea ____", "the ____ of moon sea"], {"level": "word"}),
        Tiny(
            "translate",
            pairs,
            ["a dog sees a cat.", "a tree.", "a man has a house."],
            {"split": (0.6, 0.2, 0.2), "level": "word", "max_vocabulary": 60, "batch_size": 8},
        ),
        Tiny("generate", labels, ["a", "e", ""], {}, _generate),
        Tiny(
            "generate-frames",
            frames,
            [f"up{MARKUP}", "down"],
            {"condition_size": 4, "reader_size": 5},
            _draw,
            frozenset({"embedding_size"}),
        ),
        Tiny(
            "forecast",
            series,
            COURSES,
            {"horizon": 4, "window": 8, "dates": False},
            _forecast,
            frozenset({"embedding_size"}),
        ),
        Tiny("frames", frames, MOVES, {}, _predict, frozenset({"embedding_size"})),
        Tiny(
            "caption",
            pictures,
            [square(0, 1, 50), square(2, 0, 60), square(1, 1, 70)],
            {"image_size": 16, "picture_size": 6, "split": (0.6, 0.2, 0.2)},
        ),
    )
}


def shared_runs(factory: pytest.TempPathFactory) -> dict[str, recurra.Run]:
    """A run of each task, trained by the first of all workers that asks for it; nobody may change its folder."""
    ours = factory.getbasetemp()
    everybodys = ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours

    class Runs(dict[str, recurra.Run]):
        def __missing__(self, task: str) -> recurra.Run:
            folder = everybodys / f"run-of-{task}"
            with holding(folder, patience=250), pytest.MonkeyPatch.context() as patch:
                if not (folder / "trained").exists():
                    folder.mkdir()
                    patch.setenv("RECURRA_CACHE", str(folder / "cache"))
                    TINY[task].train(folder, folder / "run")
                    (folder / "trained").touch()
            self[task] = recurra.load(folder / "run")
            return self[task]

    return Runs()
