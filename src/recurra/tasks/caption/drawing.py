"""Pictures with what was said of them, and where the decoder looked for each word."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recurra.data.pictures.decoding import Bytes
from recurra.report.tiles import Tile, draw_tiles

SIZE, COLUMNS = 100, 4
"""CSS pixels of a picture, and how many beside each other, where one is drawn for each word."""


def attended(pixels: Bytes, tokens: Sequence[str], weights: npt.NDArray[np.float32]) -> str:
    """The picture, then the picture once for each token, bright where the decoder looked. Shapes: see `looks`"""
    said = " ".join(token for token in tokens if token != "</s>")
    tiles = looks(pixels, tokens, weights)
    return draw_tiles(tiles, f"where it looked for each word of: {said}", size=SIZE, columns=COLUMNS)


def looks(pixels: Bytes, tokens: Sequence[str], weights: npt.NDArray[np.float32]) -> list[Tile]:
    """The picture, and the picture of each token.

    Shapes: pixels [C, H, W]; weights [T, S], S positions of a square grid, row by row
    """
    side = math.isqrt(weights.shape[1])
    shape = (side, side) if side * side == weights.shape[1] else (1, weights.shape[1])
    shades = (weights / np.maximum(weights.max(1, keepdims=True), 1e-12)).reshape(-1, *shape)
    words = [Tile(pixels, token, shades=shade) for token, shade in zip(tokens, shades, strict=True)]
    return [Tile(pixels, "the picture"), *words]
