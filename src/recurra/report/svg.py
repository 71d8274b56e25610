"""From a matplotlib figure to SVG that may be put inside a page.

    with drawing("my picture"):
        figure, axes = chart()
        axes.plot(x, y, color=BLUE)
        svg = to_svg(figure, "what it shows, for those who cannot see it")

No pyplot, no Agg, no global state left behind. Text stays text, so that the browser can choose a font that has
the letters (Chinese class names, for one), and the same figure always gives the same bytes. The colours of PALETTE
become variables of the page, so that a picture is light or dark as its reader is: draw with them alone, and with
`alpha` for what is between them and the ground. Whatever the width of the page, a picture is never drawn so small
that its smallest letters are under SMALLEST_LETTER pixels; it scrolls instead.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from recurra.errors import DataError
from recurra.report.fonts import families
from recurra.report.numbers import printable

INK, MUTED, LINE, CARD = "#1d2329", "#5d6775", "#dfe3e9", "#fefefe"
BLUE, ORANGE, GREY = "#1f5fa8", "#c2571a", "#98a2ae"
GREEN, PURPLE, GOLD, PINK, TEAL = "#2c8a57", "#8352a8", "#b38a1d", "#c23b6b", "#2f93a0"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, GOLD, PINK, TEAL, GREY)
"""Colours of several lines, in this order."""
PALETTE = {
    INK: "ink", MUTED: "muted", LINE: "line", CARD: "card", BLUE: "blue", ORANGE: "orange", GREY: "grey",
    GREEN: "green", PURPLE: "purple", GOLD: "gold", PINK: "pink", TEAL: "teal",
}  # fmt: skip
"""Colours in light and the page's variables for them; style.css has the dark ones. CARD: the ground."""
SMALLEST_LETTER = 9.5
"""CSS pixels."""
FONTS = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, 'PingFang SC',"
    " 'Microsoft YaHei', 'Noto Sans CJK SC', 'Source Han Sans SC', sans-serif"
)
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.prop_cycle": cycler(color=SERIES),
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "legend.frameon": False,
    "legend.fontsize": 11,
    "hatch.color": LINE,
    "patch.edgecolor": INK,
    "text.parse_math": False,
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
}


@contextmanager
def drawing(name: str) -> Iterator[None]:
    """Figures made and written inside look alike and repeat byte by byte, whatever a matplotlibrc says.

    name: makes the ids inside this figure differ from those of the page's other figures.
    """
    with warnings.catch_warnings(), matplotlib.rc_context():
        # Fonts here only measure; the browser's draws, and may have the glyph.
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph .* missing from", category=UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_SETTINGS, "font.family": families(), "svg.hashsalt": f"recurra-{name}"})
        yield


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure whose one axes has the page's own units: x to the right, y down, in CSS pixels."""
    figure = Figure(figsize=(width / 72, height / 72))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    return figure, axes


def shaded(
    axes: Axes, corners: Sequence[tuple[float, float]], side: float, shades: Sequence[tuple[str, float]]
) -> None:
    """Squares at their upper left corners, each of a colour and a share of it; thousands of patches would be slow."""
    if not corners:
        return
    square = np.array([(0, 0), (side, 0), (side, side), (0, side)])
    colors = [to_rgba(color, share) for color, share in shades]
    axes.add_collection(
        PolyCollection(np.array(corners)[:, None] + square, facecolors=colors, edgecolors="none"), autolim=False
    )


def chart(width: float = 400, height: float = 250) -> tuple[Figure, Axes]:
    """A figure of one plot with a grid, in CSS pixels. At 400 its letters have the size of the text around them."""
    figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    return figure, axes


def to_svg(figure: Figure, description: str) -> str:
    """The figure as one <svg> element with `description` for those who cannot see it; inside `drawing`."""
    stream = io.BytesIO()
    for words in figure.findobj(Text):
        words.set_text(printable(words.get_text()))
    figure.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue().decode("utf-8")
    text = text[text.index("<svg") :]
    for part in (r"<metadata>.*?</metadata>", r"<!--.*?-->", r"<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>"):
        text = re.sub(part, "", text, flags=re.DOTALL)
    # Text and attributes arrive with < and > escaped, so every <...> left is matplotlib's own tag.
    text = re.sub(r"<[^<>]+>", _simplify, text)
    width, height = (round(72 * side, 1) for side in figure.get_size_inches())
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    narrowest = min(1.0, SMALLEST_LETTER / smallest_letter(text)) * width
    root = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img"'
        f' aria-label="{escape(printable(description))}" {size}'
        f' style="font-family: {FONTS}; stroke-linejoin: round; stroke-linecap: butt;'
        f' min-width: {narrowest:.0f}px; max-width: {LARGEST * width:.0f}px">'
    )
    text = re.sub(r"<svg[^<>]*>", lambda _: root, text, count=1)
    return re.sub(r"\n\s*", "\n", text).strip()


LARGEST = 1.4
"""Times its own size that a picture grows at most where there is room."""


def standalone(svg: str) -> str:
    """The picture for a file of its own: light, on white, with plain colours, which every program understands."""
    plain = re.sub(r"var\(--[a-z]+, (#[0-9a-f]{6})\)", r"\1", svg)
    return re.sub(
        r"<svg[^<>]*>",
        lambda root: f'{root.group()}\n<rect width="100%" height="100%" fill="#ffffff"/>',
        plain,
        count=1,
    )


def smallest_letter(svg: str) -> float:
    """The size of the smallest text in an SVG, in its own units; infinite without any text."""
    return min((float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg)), default=float("inf"))


_ALLOWED = frozenset(
    "svg g defs image path rect circle ellipse line polyline polygon text tspan use clipPath title "
    "desc linearGradient radialGradient stop marker pattern symbol".split()
)
_SVG = "{http://www.w3.org/2000/svg}"
_PIXELS = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=\s]+")
"""What an <image> may hold: its pixels, as `imshow` writes them."""


def checked_svg(svg: str) -> str:
    """The picture itself, if it can do nothing but be seen.

    Errors: DataError if it is no well-formed <svg>, or has scripts, events, styles or references to anything outside
    """
    if "<!" in svg or "<?" in svg:
        raise DataError("a picture is one <svg> element, without declarations and comments")
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise DataError(f"a picture is not well-formed SVG: {error}") from error
    for element in root.iter():
        tag = str(element.tag)
        if not tag.startswith(_SVG) or tag.removeprefix(_SVG) not in _ALLOWED:
            raise DataError(f"a picture may not have <{tag.rpartition('}')[2]:.40}>")
        for name, value in element.attrib.items():
            inside = value.startswith("#") or (tag == f"{_SVG}image" and _PIXELS.fullmatch(value))
            outside = name.rpartition("}")[2] == "href" and not inside
            if outside or name.lower().startswith("on") or re.search(r"url\(\s*['\"]?(?!['\"]?#)|@import", value):
                raise DataError(f"a picture may not have {name.rpartition('}')[2]:.40}={value!r:.60}")
    return svg


def _simplify(found: re.Match[str]) -> str:
    """One tag without the group names, which repeat over the page, and without matplotlib's font."""
    tag = re.sub(r'(<g\b[^>]*?) id="[^"]*"', r"\1", found.group())
    tag = re.sub(r"font-family: [^;\"]*;? ?", "", tag)
    tag = re.sub(r"#[0-9a-f]{6}\b", _variable, tag)
    return re.sub(r"font: ((?:[\w.]+ )*?)([\d.]+px) [^;\"]*", _weight_and_size, tag)


def _variable(found: re.Match[str]) -> str:
    """A colour of the palette as the page's variable; outside a page, where there is none, it is the light one."""
    color = found.group()
    return f"var(--{PALETTE[color]}, {color})" if color in PALETTE else color


def _weight_and_size(found: re.Match[str]) -> str:
    weight = "font-weight: bold; " if re.search(r"bold|[67]00", found.group(1)) else ""
    return f"{weight}font-size: {found.group(2)}"
