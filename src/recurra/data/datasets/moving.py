"""Clips of moving shapes: what happens in them, and when. Drawn here, the same for the same seed, nothing fetched.

A shape stands, does one thing, then another, and stands again. One frame does not show what happens, and the frames in
any order do not show what came first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.data.files.whole import write_whole
from recurra.data.pictures.decoding import Bytes
from recurra.data.pictures.showing import png

CLIPS, SIDE, SEED = 480, 24, 0
STILL = "still"
PAIRS = (
    ("left", "right"),
    ("right", "left"),
    ("up", "down"),
    ("down", "up"),
    ("grows", "shrinks"),
    ("shrinks", "grows"),
)
MOVES = {
    "left": (-1, 0, 0),
    "right": (1, 0, 0),
    "up": (0, -1, 0),
    "down": (0, 1, 0),
    "grows": (0, 0, 1),
    "shrinks": (0, 0, -1),
    STILL: (0, 0, 0),
}
"""To the right, down, and of the radius, in a frame."""
SHAPES = ("disc", "square", "diamond")
LABELS = "labels.csv"


@dataclass(frozen=True)
class Clip:
    """frames: [T, H, W]; labels: what happens from the frame before to each, to the first as to the second"""

    frames: Bytes
    labels: list[str]

    @property
    def label(self) -> str:
        """What happens, in order."""
        return " then ".join(label for label, _ in groupby(self.labels) if label != STILL)


def draw_clips(count: int = CLIPS, seed: int = SEED) -> Iterator[Clip]:
    """As many of each pair as of the others."""
    for number in range(count):
        yield _clip(PAIRS[number % len(PAIRS)], np.random.default_rng([seed, number]))


def write_clips(folder: Path, *, per_frame: bool) -> list[Path]:
    """All clips as folders of PNG, in folders of their labels, or with one table of labels from frame to frame.

    What is there already is left alone. Errors: OSError
    """
    files, rows = [], ["clip,start,end,label"]
    for number, clip in enumerate(draw_clips()):
        name = f"clip{number:03d}"
        place = folder / name if per_frame else folder / clip.label / name
        place.mkdir(parents=True, exist_ok=True)
        for frame, pixels in enumerate(clip.frames):
            path = place / f"frame{frame:02d}.png"
            files.append(path)
            if not path.is_file():
                write_whole(path, png(pixels[None]))
        start = 0
        for label, group in groupby(clip.labels):
            end = start + len(list(group))
            rows.append(f"{name},{start},{end - 1},{label}")
            start = end
    if per_frame:
        files.append(folder / LABELS)
        write_whole(folder / LABELS, ("\n".join(rows) + "\n").encode())
    return files


def _clip(pair: tuple[str, str], rng: np.random.Generator) -> Clip:
    does = [STILL, *pair, STILL]
    steps = [does[k] for k, length in enumerate(rng.integers(4, 8, 4)) for _ in range(length)]
    speed, swelling = rng.uniform(1.0, 1.4), rng.uniform(0.4, 0.6)
    moves = np.array([MOVES[step] for step in steps]) * (speed, speed, swelling)
    moves[0] = 0
    path = moves.cumsum(0)
    low, high = path.min(0), path.max(0)
    radius = rng.uniform(2.5, 3.5) - low[2]
    reach = radius + high[2]
    middle = [rng.uniform(min(reach - low[k], SIDE / 2), max(SIDE - reach - high[k], SIDE / 2)) for k in (0, 1)]
    shape, ground = str(rng.choice(SHAPES)), rng.uniform(20, 110)
    ink = ground + rng.uniform(70, 140)
    frames = [_drawn(shape, middle[0] + x, middle[1] + y, radius + more) for x, y, more in path]
    noise = rng.normal(0, 3, (len(frames), SIDE, SIDE))
    pixels = ground + (ink - ground) * np.stack(frames) + noise
    return Clip(np.clip(pixels.round(), 0, 255).astype(np.uint8), [*steps[1:2], *steps[1:]])


def _drawn(shape: str, x: float, y: float, radius: float) -> npt.NDArray[np.float64]:
    """How much of each pixel is covered [H, W]."""
    at = np.arange(SIDE) + 0.5
    across, down = np.abs(at - x)[None], np.abs(at - y)[:, None]
    if shape == "disc":
        distance = np.hypot(across, down)
    else:
        distance = np.maximum(across, down) if shape == "square" else (across + down) / np.sqrt(2)
    covered: npt.NDArray[np.float64] = np.clip(radius - distance + 0.5, 0, 1)
    return covered
