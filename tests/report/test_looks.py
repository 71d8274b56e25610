"""What a page must look like anywhere: letters that can be read, light and dark, on paper."""

from __future__ import annotations

import re
from importlib import resources
from xml.etree import ElementTree

import numpy as np
import pytest
from report_records import classifier, language_model
from test_page import pictures

from recurra.report.attention import draw_attention
from recurra.report.build import build_report
from recurra.report.compared import Comparison, Row, build_comparison
from recurra.report.svg import PALETTE, smallest_letter, standalone

CSS = resources.files("recurra.report").joinpath("style.css").read_text(encoding="utf-8")
MANY = [f"class {number}" for number in range(100)]


def variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", block))


LIGHT = variables(CSS[: CSS.index("@media")])
DARK = LIGHT | variables(CSS[CSS.index("@media (prefers-color-scheme: dark)") : CSS.index("* {")])
PRINT = variables(CSS[CSS.index("@media print") :])


@pytest.fixture(scope="module")
def drawn() -> list[str]:
    """Pictures of all kinds."""
    weights = np.full((12, 30), 1 / 30, np.float32)
    compared = build_comparison(
        Comparison(["a", "b" * 80], [classifier().history, language_model().history], [Row("task", ["a", "b"])], [], [])
    )
    pages = [
        build_report(record) for record in (classifier(), classifier(MANY), classifier(MANY[:3]), language_model())
    ]
    found = [svg for page in [*pages, compared] for svg in pictures(page) if "<text" in svg]
    return [*found, draw_attention(["token"] * 30, ["word"] * 12, weights)]


def test_no_letter_is_under_nine_pixels_at_any_width(drawn: list[str]) -> None:
    """A picture is as wide as the page, but not narrower than its own min-width, and scrolls there."""
    assert len(drawn) > 15
    for svg in drawn:
        width = float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])
        narrowest = float(re.search(r"min-width: (\d+)px", svg)[1])
        assert smallest_letter(svg) * narrowest / width >= 9
        assert smallest_letter(svg) >= 9


def test_curves_fit_a_telephone_without_scrolling(drawn: list[str]) -> None:
    padding = 2 * 16 * (0.9 + 0.7) + 2  # of main, of .paper, its borders
    for svg in drawn:
        if 'width="400"' in svg:
            assert float(re.search(r"min-width: (\d+)px", svg)[1]) <= 400 - padding


def test_no_letter_of_the_page_is_under_nine_pixels() -> None:
    sizes = [16 * float(size) for size in re.findall(r"font-size: ([\d.]+)rem", CSS)]
    sizes += [float(size) for size in re.findall(r"font-size: ([\d.]+)px", CSS)]
    assert len(sizes) > 10
    assert min(sizes) >= 9


def test_pictures_have_no_colours_but_the_pages(drawn: list[str]) -> None:
    for svg in drawn:
        bare = re.sub(r"var\(--[a-z]+, #[0-9a-f]{6}\)", "", svg)
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b(?!\))", re.sub(r'(href="|url\()#\w+', "", bare)), bare[:300]
        assert not re.search(r"(fill|stroke): (?!none|var|;)[a-z]+", bare.replace("fill-opacity", ""))


def test_a_picture_in_a_file_of_its_own_has_plain_colours(drawn: list[str]) -> None:
    for svg in drawn:
        alone = standalone(svg)
        assert "var(" not in alone
        assert alone.count('fill="#ffffff"') == 1
        ElementTree.fromstring(alone)


def test_the_palette_is_light_and_dark() -> None:
    assert {name: color for color, name in PALETTE.items()}.items() <= LIGHT.items()
    assert LIGHT.keys() == DARK.keys() == PRINT.keys()
    for name in PALETTE.values():
        assert DARK[name] != LIGHT[name], name


def brightness(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((brightness(one), brightness(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(colors: dict[str, str]) -> None:
    """4.5 for text (WCAG 2.1, AA), 3 for what only has to be seen."""
    for text in ("ink", "muted", "blue", "good", "bad"):
        for ground in ("paper", "card"):
            assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
    assert contrast(colors["bad"], colors["bad-ground"]) >= 4.5
    assert contrast(colors["good"], colors["good-ground"]) >= 4.5
    assert contrast(colors["card"], colors["blue"]) >= 4.5  # the numbers of a full cell
    for line in ("orange", "green", "purple", "pink"):
        assert contrast(colors[line], colors["card"]) >= 3, line


def test_paper_breaks_between_things_not_in_them() -> None:
    printed = CSS[CSS.index("@media print") :]
    whole = re.search(r"\n  ([^\n]*) \{ break-inside: avoid; \}", printed)[1]
    for thing in ("figure", ".card", "tr", ".equations", ".sequence", ".bars"):
        assert thing in whole
    assert "break-after: avoid" in printed
    assert "min-width: 0 !important" in printed  # a picture scrolls on a screen, and shrinks on paper


def test_the_report_names_no_task() -> None:
    """Neither a task nor a field that only one task fills."""
    words = (
        "classify",
        "translate",
        "forecast",
        "confusion",
        "per_class",
        "vocabulary",
        "perplexity",
        "accuracy",
        "span_f1",
        "bleu",
        "nats_per",
    )
    for path in resources.files("recurra.report").iterdir():
        if path.name.endswith((".py", ".j2")) and path.name not in ("sections.py", "metric.py"):
            code = path.read_text(encoding="utf-8").lower()
            code = re.sub(r'"""[\s\S]*?"""', "", code)
            assert [word for word in words if word in code] == [], path.name
