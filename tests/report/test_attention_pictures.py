from __future__ import annotations

import re
import xml.etree.ElementTree

import numpy as np

from recurra.report.attention import draw_attention


def test_every_token_is_written_and_every_weight_drawn():
    weights = np.array([[0.9, 0.1, 0.0], [0.0, 1.0, 0.0]], np.float32)
    svg = draw_attention(["a", "<b>", "</s>"], ["电影", "</s>"], weights)
    page = xml.etree.ElementTree.fromstring(svg)
    texts = [e.text for e in page.iter() if e.tag.endswith("}text")]
    assert texts == ["a", "<b>", "</s>", "电影", "</s>"]
    shades = re.findall(r"fill: var\(--blue[^;]*; fill-opacity: ([\d.]+)", svg) + re.findall(
        r"fill: var\(--blue, #[0-9a-f]+\)\"", svg
    )
    assert len(shades) == 3  # and nothing where nothing was looked at
    assert "attention of 2 written tokens over 3 read ones" in svg


def test_the_same_weights_give_the_same_bytes():
    weights = np.full((2, 2), 0.5, np.float32)
    assert draw_attention(["a", "b"], ["c", "d"], weights) == draw_attention(["a", "b"], ["c", "d"], weights)


def test_no_token_breaks_the_picture():
    """Control characters, halves of pairs, what looks like mathematics or markup, lines and no width at all."""
    tokens = [
        "\x00",
        "\x1b[31m",
        "a\x0bb",
        "\x7f\x9b",
        "\ud83d",
        "\ufffe",
        "$x$",
        "$\\frac{",
        "]]>",
        "a\nb\tc",
        "",
        "&amp;",
        "\u202e",
    ]
    svg = draw_attention(tokens, tokens[::-1], np.full((len(tokens), len(tokens)), 0.1, np.float32))
    texts = [e.text or "" for e in xml.etree.ElementTree.fromstring(svg).iter() if e.tag.endswith("}text")]
    assert [text for text in texts if "$" in text] == ["$x$", "$\\frac{", "$\\frac{", "$x$"]
    assert "\ufffd[31m" in texts
    assert "]]>" in texts
    svg.encode("utf-8")
