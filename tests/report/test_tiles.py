"""Pictures beside each other, with words under them."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from PIL import Image

from recurra.report.tiles import DARKEST, LINE, Tile, draw_tiles

WIDE, HIGH = np.zeros((3, 50, 100), np.uint8), np.zeros((3, 100, 50), np.uint8)


def _texts(svg: str) -> list[tuple[str, bool]]:
    return [(text, "bold" in style) for style, text in re.findall(r'<text [^>]*style="([^"]*)"[^>]*>([^<]*)<', svg)]


def _height(svg: str) -> float:
    found = re.search(r' height="([\d.]+)" viewBox', svg)
    assert found is not None
    return float(found[1])


def test_all_lines_of_what_is_strong_are_bold_and_no_others() -> None:
    said = "a brown dog is running through the high grass\nwhat the file says of it is longer than a line"
    lines = _texts(draw_tiles([Tile(WIDE, said, strong=True)], "", size=100))
    bold = [text for text, strong in lines if strong]
    assert len(bold) > 1
    assert " ".join(bold) == said.split("\n")[0]
    assert " ".join(text for text, strong in lines if not strong) == said.split("\n")[1]


def test_no_line_holds_a_sign_alone() -> None:
    lines = [text for text, _ in _texts(draw_tiles([Tile(WIDE, "a large lake with a duck .”")], "", size=137))]
    assert lines[-1] == "duck .”"


def test_a_row_is_as_high_as_its_highest_picture() -> None:
    wide, both = (draw_tiles(tiles, "", size=100) for tiles in ([Tile(WIDE)], [Tile(WIDE), Tile(HIGH)]))
    assert _height(wide) == 50
    assert _height(both) == 100
    assert 'y="25"' in both  # the wide one in the middle of its row
    under = draw_tiles([Tile(WIDE, "dog")], "", size=100)
    assert f'y="{50 + LINE}"' in under


def test_what_nobody_looks_at_is_dark_and_the_rest_as_it_is() -> None:
    shades = np.array([[0, 1], [0.5, 0]], np.float32)
    svg = draw_tiles([Tile(WIDE, "dog", shades=shades)], "", size=100)
    _, veil = re.findall(r'href="data:image/[a-z]+;base64,([^"]+)"', svg)
    opacity = np.array(Image.open(io.BytesIO(base64.b64decode(veil))))[..., 3] / 255
    np.testing.assert_allclose(opacity, DARKEST * (1 - shades), atol=1 / 255)
    assert svg.count('<image x="0" y="0" width="100" height="50"') == 2
