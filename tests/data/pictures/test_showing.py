"""Pictures for pages."""

from __future__ import annotations

import numpy as np

from recurra.data.pictures.decoding import Form, decode
from recurra.data.pictures.showing import beside, data_uri, jpeg, png, smaller


def test_numbers_come_back_from_png() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5), np.uint8)
    assert decode(png(pixels)).pixels.tolist() == pixels.tolist()
    assert decode(png(pixels[:1]), Form(channels=1)).pixels.tolist() == pixels[:1].tolist()
    assert data_uri(png(pixels)).startswith("data:image/png;base64,iVBOR")
    assert data_uri(jpeg(pixels)).startswith("data:image/jpeg;base64,/9j/")


def test_sizes_for_a_page() -> None:
    small = np.arange(4, dtype=np.uint8).reshape(1, 2, 2)
    assert smaller(small, 5).tolist() == [[[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]]
    assert smaller(np.zeros((3, 100, 50), np.uint8), 40).shape == (3, 40, 20)
    assert beside([small, small], gap=1)[0].tolist() == [[0, 1, 255, 0, 1], [2, 3, 255, 2, 3]]
