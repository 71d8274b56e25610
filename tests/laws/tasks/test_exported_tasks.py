"""Every task's graphs on two hundred inputs that were held out: the same answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.api.evaluation import trained_on
from recurra.data.pictures.showing import png
from recurra.tasks.registry import TASKS
from tests.laws.tasks.tiny_tasks import COLOURS, TINY, Tiny, square

HELD_OUT = 200
NUMBERS_ALONE = {"forecast", "generate-frames"}
"""Of which an answer is numbers, not one of several."""
WORDS = "sun moon rose nose sea tea sand land day way night light hill mill".split()


def _lines(count: int, least: int, most: int, parts: Any, between: str, seed: int) -> list[str]:
    rng = random.Random(seed)
    return sorted({between.join(rng.choices(parts, k=rng.randint(least, most))) for _ in range(count)})


def labels(folder: Path) -> Path:
    kinds = folder / "kinds"
    kinds.mkdir()
    for seed, letters in enumerate(("abcdefg", "efghijk")):
        (kinds / f"{letters[0]}.txt").write_text("\n".join(_lines(500, 4, 9, letters, "", seed)) + "\n")
    return kinds


def sentences(folder: Path) -> Path:
    path = folder / "rhymes.txt"
    path.write_text("\n".join(_lines(900, 5, 8, WORDS, " ", 1)) + "\n")
    return path


def tagged(folder: Path) -> Path:
    rows = [line.split() for line in _lines(700, 3, 6, WORDS, " ", 2)]
    path = folder / "go.bio"
    blocks = ["\n".join(f"{w} {'B-x' if w[0] == 's' else 'O'}" for w in row) for row in rows]
    path.write_text("\n\n".join(blocks) + "\n")
    return path


def pairs(folder: Path) -> Path:
    path = folder / "pairs.tsv"
    path.write_text("".join(f"{line}\t{line[::-1]}\n" for line in _lines(600, 2, 4, WORDS, " ", 3)))
    return path


def series(folder: Path) -> Path:
    rng, path = random.Random(4), folder / "series.csv"
    rows = [
        f"s{one},{1990 + step // 12}-{step % 12 + 1:02},{one + step % 12 + rng.random():.3f}\n"
        for one in range(10)
        for step in range(140)
    ]
    path.write_text(f"unique_id,ds,y\n{''.join(rows)}")
    return path


def frames(folder: Path) -> Path:
    rng, path = random.Random(5), folder / "moves.csv"
    rows = [
        f"s{one},{(step if one % 2 else -step) / 6 + rng.gauss(0, 0.3):.3f},{rng.gauss(0, 1):.3f},{'ud'[one % 2]}\n"
        for one in range(500)
        for step in range(rng.randint(4, 8))
    ]
    path.write_text(f"id,x,y,label\n{''.join(rows)}")
    return path


def pictures(folder: Path) -> Path:
    rng, rows, place = np.random.default_rng(6), [], folder / "squares"
    place.mkdir()
    for number in range(450):
        kind, right = number % 3, number // 3 % 2
        rows.append(f"p{number}.png\ta {COLOURS[kind]} square {('left', 'right')[right]}")
        noise = rng.integers(0, 60, (3, 20, 24)).astype(np.uint8)
        (place / f"p{number}.png").write_bytes(png(np.maximum(square(kind, right, 40), noise)))
    (place / "captions.tsv").write_text("\n".join(rows) + "\n")
    return place


WRITTEN: dict[str, Callable[[Path], Path]] = {
    "classify": labels, "generate": labels, "language": sentences, "fill": sentences, "tag": tagged,
    "translate": pairs, "forecast": series, "frames": frames, "generate-frames": frames, "caption": pictures,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_two_hundred_answers_are_the_same(task: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    tiny = TINY[task]
    large = Tiny(task, WRITTEN[task], [], tiny.settings, without=tiny.without)
    run = large.train(tmp_path, tmp_path / "run", epochs=1.0, split=(0.3, 0.1, 0.6), baselines="fast")
    assert len(trained_on(run).held_out) >= HELD_OUT
    proof = run.export("onnx", tmp_path / "graphs").about["proof"]
    assert proof["largest_difference"] <= 1e-5 * max(1.0, proof["largest_number"])
    assert proof["same_answers"] == proof["answers"]
    assert proof["answers"] >= HELD_OUT or task in NUMBERS_ALONE
