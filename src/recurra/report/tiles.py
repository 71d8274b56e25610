"""Pictures of pixels in a page: beside each other, each with a word under it, shaded where nobody looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from recurra.data.pictures.showing import data_uri, jpeg, png, smaller
from recurra.report.numbers import printable
from recurra.report.svg import FONTS, INK, MUTED

GAP, FONT, LINE = 8, 12, 16
"""CSS pixels between tiles, of letters and of a line of them."""
LETTER, BOLD = 0.55 * FONT, 1.25
"""Width of a letter, about, and by how much a bold one is wider."""
DARKEST = 0.7
"""Share of the light that is taken away where nobody looks."""
FEW_COLOURS = 64 * 64
"""Pixels of a picture that is kept exactly."""


@dataclass(frozen=True)
class Tile:
    """A picture. pixels: uint8 [C, H, W]; under: what stands under it, a line feed begins a new line; strong: the text
    before the first line feed is the main thing; shades: [G, G], 0 to 1, what is bright of it, or None for all
    """

    pixels: npt.NDArray[np.uint8]
    under: str = ""
    strong: bool = False
    shades: npt.NDArray[np.float32] | None = None


def draw_tiles(tiles: Sequence[Tile], description: str, *, size: int = 160, columns: int = 4) -> str:
    """The tiles in rows as one <svg> element; the text under them is cut into lines as wide as they are."""
    columns = max(1, min(columns, len(tiles)))
    texts = [_lines(tile, size) for tile in tiles]
    parts: list[str] = []
    top = 0.0
    for start in range(0, len(tiles), columns):
        row = range(start, min(start + columns, len(tiles)))
        tall = max(_extent(tiles[place], size)[1] for place in row)
        for place in row:
            parts += _tile(tiles[place], texts[place], (place - start) * (size + GAP), top, (size, tall))
        lines = max(len(texts[place]) for place in row)
        top += tall + LINE * lines + (6 if lines else 0) + GAP
    width, height = columns * (size + GAP) - GAP, top - GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(printable(description))}" '
        f'width="{width}" height="{height:g}" viewBox="0 0 {width} {height:g}" '
        f'style="font-family: {FONTS}; min-width: {round(0.75 * width)}px; max-width: {width}px">\n'
        + "\n".join(parts)
        + "\n</svg>"
    )


def _extent(tile: Tile, size: int) -> tuple[float, float]:
    """Width and height of a picture whose longer side is size."""
    _, high, wide = tile.pixels.shape
    return wide * size / max(high, wide), high * size / max(high, wide)


def _tile(tile: Tile, lines: Sequence[tuple[str, bool]], left: float, top: float, room: tuple[int, float]) -> list[str]:
    """A picture in the middle of its room, as wide as the tile and as high as the row, and its lines under that."""
    size, tall = room
    pixels = smaller(tile.pixels, size)
    exact = tile.pixels.shape[1] * tile.pixels.shape[2] <= FEW_COLOURS
    encoded = png(smaller(tile.pixels, min(size, max(tile.pixels.shape[1:])))) if exact else jpeg(pixels)
    width, height = _extent(tile, size)
    box = left + (size - width) / 2, top + (tall - height) / 2, width, height
    found = [_image(box, encoded, exact=exact)]
    if tile.shades is not None:
        veil = np.zeros((4, *tile.shades.shape), np.uint8)
        veil[3] = np.rint(255 * DARKEST * (1 - np.clip(tile.shades, 0, 1)))
        found.append(_image(box, png(veil), exact=True))
    for number, (line, main) in enumerate(lines):
        colour = f"var(--ink, {INK})" if main or tile.shades is not None else f"var(--muted, {MUTED})"
        weight = "font-weight: bold; " if main else ""
        found.append(
            f'<text x="{left + size / 2:g}" y="{top + tall + LINE * (number + 1):g}" text-anchor="middle" '
            f'fill="{colour}" style="{weight}font-size: {FONT}px">{escape(line)}</text>'
        )
    return found


def _image(box: tuple[float, float, float, float], encoded: bytes, *, exact: bool) -> str:
    """box: left, top, width, height; exact: each pixel a square"""
    x, y, width, height = box
    return (
        f'<image x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" preserveAspectRatio="none" '
        f'style="image-rendering: {"pixelated" if exact else "auto"}" href="{data_uri(encoded)}"/>'
    )


def _lines(tile: Tile, width: int) -> list[tuple[str, bool]]:
    """Words in lines that are about as wide as a tile, and whether each belongs to the main thing."""
    found = list[tuple[str, bool]]()
    for number, paragraph in enumerate(printable(tile.under).split("\n")):
        main = tile.strong and number == 0
        most, line = max(8, int(width / (LETTER * (BOLD if main else 1)))), ""
        for word in _words(paragraph):
            word = word if len(word) <= most else f"{word[: most - 1]}…"
            if line and len(line) + 1 + len(word) > most:
                found.append((line, main))
                line = word
            else:
                line = f"{line} {word}".strip()
        if line:
            found.append((line, main))
    return found


def _words(text: str) -> list[str]:
    """Words, signs of their own ("dog .") with the one before them, lest a line hold a sign alone."""
    found: list[str] = []
    for word in text.split():
        if found and not any(letter.isalnum() for letter in word):
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found
