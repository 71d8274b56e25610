"""Equations as outlines."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from recurra.report.mathtext import draw_equation


@pytest.mark.parametrize(
    "latex",
    [
        r"i_{t} = \sigma\left(W_{i} x_{t} + b_{i} + R_{i} h_{t-1} + b'_{i}\right)",
        r"h_{t} &= \left(1 - z_{t}\right) \odot n_{t} + z_{t} \odot h_{t-1} \\",
        r"$\mathrm{my\_gate}_{t} = \max\left(\frac{a_{t}}{b_{t}}, 2 \cdot 10^{-3}\right)$",
    ],
)
def test_an_equation_becomes_one_outline(latex):
    svg = draw_equation(latex, "text <of> it")
    root = ElementTree.fromstring(svg)
    assert root.get("aria-label") == "text <of> it"
    assert root[0].get("fill") == "currentColor"
    assert root[0].get("d").startswith("M")


@pytest.mark.parametrize("latex", ["", r"\begin{aligned}", r"\frac{a}", "a $ b", "名_{t} = x", r"\nosuchcommand x"])
def test_what_cannot_be_drawn_is_left_to_the_text(latex):
    assert draw_equation(latex, "text") is None


def test_the_last_equation_of_an_lstm_has_whole_parentheses() -> None:
    """Parentheses that grow are drawn smaller than letters around something low."""
    grown, plain = (
        draw_equation(latex, "h")
        for latex in (r"h_{t} = o_{t} \odot \tanh\left(c_{t}\right)", r"h_{t} = o_{t} \odot \tanh(c_{t})")
    )
    assert grown == plain
    assert grown is not None


def test_a_prime_stands_over_the_index() -> None:
    assert draw_equation(r"b'_{i}", "b") == draw_equation(r"b_{i}^{\prime}", "b")


def test_parentheses_grow_around_fractions() -> None:
    grown, plain = (draw_equation(latex, "a") for latex in (r"\left(\frac{a}{b}\right)", r"(\frac{a}{b})"))
    assert grown != plain
