"""From a matplotlib figure to SVG that may be put inside a page.

No pyplot, no Agg, no global state left behind. Text stays text, so that the browser can choose a font that has
the letters (Chinese class names, for one), and the same figure always gives the same bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from recurra.report.fonts import families
from recurra.report.measures import printable

INK, MUTED, LINE = "#1d2329", "#667080", "#d9dee5"
BLUE, ORANGE, GREY = "#1f5fa8", "#c2571a", "#98a2ae"
FONTS = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, 'PingFang SC',"
    " 'Microsoft YaHei', 'Noto Sans CJK SC', 'Source Han Sans SC', sans-serif"
)
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
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
    root = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img"'
        f' aria-label="{escape(printable(description))}" {size}'
        f' style="font-family: {FONTS}; stroke-linejoin: round; stroke-linecap: butt">'
    )
    text = re.sub(r"<svg[^<>]*>", lambda _: root, text, count=1)
    return re.sub(r"\n\s*", "\n", text).strip()


def _simplify(found: re.Match[str]) -> str:
    """One tag without the group names, which repeat over the page, and without matplotlib's font."""
    tag = re.sub(r'(<g\b[^>]*?) id="[^"]*"', r"\1", found.group())
    tag = re.sub(r"font-family: [^;\"]*;? ?", "", tag)
    return re.sub(r"font: ((?:[\w.]+ )*?)([\d.]+px) [^;\"]*", _weight_and_size, tag)


def _weight_and_size(found: re.Match[str]) -> str:
    weight = "font-weight: bold; " if re.search(r"bold|[67]00", found.group(1)) else ""
    return f"{weight}font-size: {found.group(2)}"
