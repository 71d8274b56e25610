"""Chinese in pictures: a font that has it, or a message."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from types import SimpleNamespace

import matplotlib
import pytest
import report_records
from matplotlib.figure import Figure

from recurra.report import fonts
from recurra.report.build import build_report
from recurra.report.matrix import draw_matrix
from recurra.report.svg import drawing

CLASSES = ["好评", "差评", "mixed"]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[SimpleNamespace]]:
    """The fonts of this machine, as a test says."""
    there: list[SimpleNamespace] = []
    manager = SimpleNamespace(ttflist=there)
    monkeypatch.setattr(
        fonts, "font_manager", SimpleNamespace(fontManager=manager, findSystemFonts=lambda: [f.fname for f in there])
    )
    fonts.chinese_family.cache_clear()
    yield there
    fonts.chinese_family.cache_clear()


def test_the_most_wanted_family_of_those_that_are_there(installed: list[SimpleNamespace]) -> None:
    installed += [
        SimpleNamespace(name=name, fname=name)
        for name in ("DejaVu Sans", "Noto Serif CJK SC", "Microsoft YaHei", "Arial")
    ]
    assert fonts.chinese_family() == "Microsoft YaHei"
    assert fonts.families() == ["DejaVu Sans", "Microsoft YaHei"]
    assert fonts.note(report_records.classifier(CLASSES)) is None
    with drawing("test"):
        assert matplotlib.rcParams["font.family"] == ["DejaVu Sans", "Microsoft YaHei"]


def test_no_font_with_chinese_is_told_where_there_is_chinese(installed: list[SimpleNamespace]) -> None:
    installed.append(SimpleNamespace(name="DejaVu Sans", fname="DejaVuSans.ttf"))
    assert fonts.families() == ["DejaVu Sans"]
    told = fonts.note(report_records.classifier(CLASSES))
    assert told is not None
    assert "fonts-noto-cjk" in told
    latin = report_records.classifier(["a", "b"])
    latin.sections[:] = latin.sections[:2]
    assert fonts.note(latin) is None


def test_fonts_installed_after_matplotlib_wrote_its_list_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by a process that has looked before."""
    listed = [SimpleNamespace(name="DejaVu Sans", fname="DejaVuSans.ttf")]
    on_disk = ["DejaVuSans.ttf"]

    def add(path: str) -> None:
        if path == "broken.ttf":
            raise RuntimeError("no font")
        listed.append(SimpleNamespace(name="Noto Sans CJK SC", fname=path))

    manager = SimpleNamespace(ttflist=listed, addfont=add)
    monkeypatch.setattr(fonts, "font_manager", SimpleNamespace(fontManager=manager, findSystemFonts=lambda: on_disk))
    fonts.chinese_family.cache_clear()
    try:
        assert fonts.note(report_records.classifier(CLASSES)) == fonts.NO_FONT
        on_disk += ["broken.ttf", "NotoSansCJK-Regular.ttc"]
        assert fonts.note(report_records.classifier(CLASSES)) is None
        assert fonts.families() == ["DejaVu Sans", "Noto Sans CJK SC"]
    finally:
        fonts.chinese_family.cache_clear()


def test_pictures_keep_chinese_as_text() -> None:
    record = report_records.classifier(CLASSES)
    svg = draw_matrix(record.sections[0])
    assert svg is not None
    assert ">好评<" in svg
    assert "Noto Sans CJK SC" in svg  # among the fonts that a browser may take
    assert "好评" in build_report(record)


@pytest.mark.skipif(fonts.chinese_family() is None, reason="no font with Chinese characters is installed here")
def test_pixels_have_the_characters_too() -> None:
    with drawing("test"), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = Figure(figsize=(1, 1))
        figure.text(0, 0, "好评")
        stream = io.BytesIO()
        figure.savefig(stream, format="png")
    assert stream.getvalue()
