"""Data of every size that a task's step depends on, drawn at random: what is timed is the step, not what it learns."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

SEED = 0
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def names(folder: Path) -> Path:
    """2,400 words of 3 to 12 letters in 18 classes, a file each."""
    rng, place = random.Random(SEED), folder / "names"
    place.mkdir()
    seen: set[str] = set()
    for label in range(18):
        lines: list[str] = []
        while len(lines) < 134:
            word = "".join(rng.choices(LETTERS, k=rng.randint(3, 12)))
            if word not in seen:
                seen.add(word)
                lines.append(word)
        (place / f"class{label}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


def _words(rng: random.Random, count: int) -> list[str]:
    return ["".join(rng.choices(LETTERS, k=rng.randint(2, 9))) for _ in range(count)]


def _sentence(rng: random.Random, words: list[str], shortest: int, longest: int) -> list[str]:
    """Of which word n is about 1 / n as frequent as the first."""
    return [words[int(len(words) ** rng.random()) - 1] for _ in range(rng.randint(shortest, longest))]


def tagged(folder: Path) -> Path:
    """700 sentences of 5 to 30 of 5,000 words, 17 tags."""
    rng, path = random.Random(SEED), folder / "sentences.bio"
    words = _words(rng, 5000)
    sentences = [[f"{word} T{rng.randrange(17)}" for word in _sentence(rng, words, 5, 30)] for _ in range(700)]
    path.write_text("\n\n".join("\n".join(lines) for lines in sentences) + "\n", encoding="utf-8")
    return path


def pairs(folder: Path) -> Path:
    """2,400 pairs of sentences of 8 to 20 of 6,000 words on either side."""
    rng, path = random.Random(SEED), folder / "pairs.tsv"
    sides = _words(rng, 6000), _words(rng, 6000)
    lines = ["\t".join(" ".join(_sentence(rng, words, 8, 20)) for words in sides) for _ in range(2400)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def series(folder: Path) -> Path:
    """One series of 2,400 hours with the season of a day."""
    rng, path = random.Random(SEED), folder / "hours.csv"
    rows = []
    for day in range(100):
        for hour in range(24):
            value = 10 + math.sin(math.pi * hour / 12) + rng.gauss(0, 0.1)
            rows.append(f"2024-{1 + day // 28:02}-{1 + day % 28:02} {hour:02}:00,{value:.4f}")
    path.write_text("ds,y\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def text(folder: Path) -> Path:
    """60,000 characters, 65 of them different."""
    rng, path = random.Random(SEED), folder / "text.txt"
    characters = [chr(code) for code in range(0x41, 0x41 + 64)]
    lines = ["".join(rng.choices(characters, k=49)) for _ in range(1200)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


EXAMPLES: dict[str, Callable[[Path], Path]] = {
    "classify": names,
    "tag": tagged,
    "translate": pairs,
    "forecast": series,
    "language": text,
}
"""By task."""
AS_OF_MANY: dict[str, dict[str, Any]] = {"translate": {"skip": "none"}}
"""Settings that many examples would have by themselves, of which these are few."""
