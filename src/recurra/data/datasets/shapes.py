"""Pictures of shapes and what is to be seen on them: drawn here, captions from a grammar, nothing fetched.

Some pairs of a colour and a shape stand in the test part alone: who says them right has learned colours and shapes
apart, and did not learn pictures by heart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recurra.data.files.whole import write_whole
from recurra.data.pictures.decoding import Bytes
from recurra.data.pictures.pillow import pillow
from recurra.data.pictures.showing import png

SIDE, FINER = 64, 4
"""Pixels of a side; so many times finer it is drawn before it is averaged."""
COUNTS = {"train": 6000, "validation": 240, "test": 240}
COLOURS = {
    "red": (208, 48, 44),
    "green": (52, 150, 70),
    "blue": (48, 92, 200),
    "yellow": (236, 200, 40),
    "purple": (130, 70, 168),
    "white": (246, 246, 246),
    "black": (14, 14, 14),
    "pink": (240, 150, 190),
    "cyan": (70, 205, 215),
}
SHAPES = ("circle", "square", "triangle", "cross")
UNSEEN = frozenset(
    {("red", "square"), ("green", "circle"), ("blue", "cross"), ("yellow", "triangle"), ("purple", "circle")}
)
"""Pairs that no picture of the training and validation parts shows."""
NUMBERS = ("one", "two", "three")
SPOTS = {"top": (0.5, 0.2), "bottom": (0.5, 0.8), "left": (0.2, 0.5), "right": (0.8, 0.5), "middle": (0.5, 0.5)}
RELATIONS = {"above": (0, -1), "below": (0, 1), "left of": (-1, 0), "right of": (1, 0)}
"""Where the first thing stands of the second."""


@dataclass(frozen=True)
class Thing:
    """A shape where it stands. x, y: its middle, in sides; size: half its width, in sides"""

    colour: str
    shape: str
    x: float
    y: float
    size: float


def draw_set(folder: Path) -> dict[str, Path]:
    """All of it in a folder: NAME.png and a file of captions for each part, unless it is there. Errors: OSError"""
    files = {part: folder / f"{part}.tsv" for part in COUNTS}
    folder.mkdir(parents=True, exist_ok=True)
    for part, file in files.items():
        text = "".join(
            f"{name}.png\t{caption}\n" for name, _, captions in scenes(part) for caption in captions
        ).encode()
        names = {path.name for path in folder.glob(f"{part}-*.png")}
        if file.is_file() and file.read_bytes() == text and len(names) == COUNTS[part]:
            continue
        for name, things, _ in scenes(part):
            write_whole(folder / f"{name}.png", png(drawn(things, name)))
        write_whole(file, text)
    return files


def scenes(part: str) -> Iterator[tuple[str, list[Thing], list[str]]]:
    """Name, things and captions of each picture of a part."""
    for number in range(COUNTS[part]):
        random = np.random.default_rng([list(COUNTS).index(part), number])
        yield f"{part}-{number:04}", *(_group if random.random() < 0.5 else _pair)(random, unseen=part == "test")


def _group(random: np.random.Generator, *, unseen: bool) -> tuple[list[Thing], list[str]]:
    """One, two or three of a kind somewhere: "two red circles at the top"."""
    colour, shape = _kind(random, unseen=unseen)
    count, place = int(random.integers(len(NUMBERS))) + 1, str(random.choice(list(SPOTS)))
    x, y = SPOTS[place]
    size = random.uniform(0.1, 0.13)
    flat = place in ("top", "bottom", "middle")
    things = []
    for k in range(count):
        along = (k - (count - 1) / 2) * 0.3
        dx, dy = random.uniform(-0.03, 0.03, 2)
        where = (x + along + dx, y + dy) if flat else (x + dx, y + along + dy)
        things.append(Thing(colour, shape, *where, size))
    noun = shape if count == 1 else f"{shape}es" if shape.endswith("ss") else f"{shape}s"
    said = {"left": "on the left", "right": "on the right", "middle": "in the middle"}.get(place, f"at the {place}")
    return things, [f"{NUMBERS[count - 1]} {colour} {noun} {said}"]


def _pair(random: np.random.Generator, *, unseen: bool) -> tuple[list[Thing], list[str]]:
    """Two different things, the larger one first: "a red circle above a blue square"."""
    first = _kind(random, unseen=unseen)
    second = first
    while second[0] == first[0] or second[1] == first[1]:
        second = _kind(random, unseen=False)
    kinds = [first, second]
    random.shuffle(kinds)
    relation = str(random.choice(list(RELATIONS)))
    dx, dy = RELATIONS[relation]
    middle = random.uniform(0.35, 0.65, 2)
    apart = random.uniform(0.21, 0.25)
    things = []
    for (colour, shape), side, size in zip(kinds, (1, -1), (0.18, 0.11), strict=True):
        x, y = middle + side * apart * np.array([dx, dy]) + random.uniform(-0.03, 0.03, 2)
        things.append(Thing(str(colour), str(shape), float(x), float(y), size * random.uniform(0.95, 1.05)))
    a, b = (f"a {colour} {shape}" for colour, shape in kinds)
    return things, [f"{a} {relation} {b}"]


def _kind(random: np.random.Generator, *, unseen: bool) -> tuple[str, str]:
    kinds = sorted(UNSEEN) if unseen else [(c, s) for c in COLOURS for s in SHAPES if (c, s) not in UNSEEN]
    return kinds[int(random.integers(len(kinds)))]


def drawn(things: list[Thing], name: str) -> Bytes:
    """The picture. name: decides ground and noise. Shapes: -> [3, S, S]"""
    from PIL import ImageDraw

    random = np.random.default_rng(list(name.encode()))
    ground = int(random.integers(70, 130))
    image = pillow().new("RGB", (SIDE * FINER, SIDE * FINER), (ground, ground, ground))
    pen = ImageDraw.Draw(image)
    for thing in things:
        colour = tuple(int(np.clip(c + random.integers(-14, 15), 0, 255)) for c in COLOURS[thing.colour])
        _draw(pen, thing, colour)
    small = np.asarray(image.resize((SIDE, SIDE), pillow().Resampling.BOX), np.int16)
    noisy = np.clip(small + random.integers(-6, 7, small.shape), 0, 255)
    return np.asarray(noisy.transpose(2, 0, 1), np.uint8)


def _draw(pen: Any, thing: Thing, colour: tuple[int, ...]) -> None:
    scale = SIDE * FINER
    x, y, half = thing.x * scale, thing.y * scale, thing.size * scale
    if thing.shape == "circle":
        pen.ellipse((x - half, y - half, x + half, y + half), fill=colour)
    elif thing.shape == "square":
        pen.rectangle((x - half, y - half, x + half, y + half), fill=colour)
    elif thing.shape == "triangle":
        corners = [(x + 1.2 * half * math.sin(a), y - 1.2 * half * math.cos(a)) for a in (0, 2.094, 4.189)]
        pen.polygon(corners, fill=colour)
    else:
        third = half / 3
        pen.rectangle((x - half, y - third, x + half, y + third), fill=colour)
        pen.rectangle((x - third, y - half, x + third, y + half), fill=colour)
