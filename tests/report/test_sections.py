"""Sections of every kind: shown, escaped, left out when empty, and refused where they do not fit."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from test_page import EVIL, Page, pictures

from recurra.errors import DataError
from recurra.report.build import build_report
from recurra.report.record import Baseline, DataDescription, DataFile, Point, RunRecord
from recurra.report.sections import (
    Bar,
    Bars,
    Coloured,
    Column,
    Curves,
    Line,
    Matrix,
    Node,
    Picture,
    Pictures,
    Sample,
    Samples,
    Section,
    Sequence,
    Sequences,
    Shades,
    Table,
    Text,
    Token,
    Tree,
)
from recurra.report.svg import BLUE, canvas, chart, drawing, to_svg

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><g>{}</g></svg>'


def every_kind(words: str) -> list[Section]:
    with drawing("mine"):
        figure, axes = chart()
        axes.set_title(words)
        svg = to_svg(figure, words)
    return [
        Table(
            words,
            [words, Column(words, "quotes"), Column(words, "code"), Column(words, "bar")],
            [[words, [words], words, 0.5]],
            words,
            [[words, [], None, 2.0]],
            words,
        ),
        Picture(words, svg, words, words),
        Pictures(words, [Picture(words, svg)], words),
        Curves(
            words, [Line(words, [0, 1], [1, 2], [0, 1], [2, 3]), Line(words, [0, 1], [0, 0], dashed=True)], words, words
        ),
        Matrix(words, [words, "b"], [[3, 1], [0, 0]], words, words, words),
        Samples(words, [Sample("</pre>" + words, words, words)], words),
        Sequences(words, [Sequence([Token(words, words, "bad")], words)], words, [Sequence([Token(words)])], words),
        Coloured(words, [words, "b"], [Shades(words, [0.5, -1.0], [words, words])], words),
        Bars(words, [Bar(words, 0.5, words, True)], words),
        Text(words, [words], note=words),
        Text(words, [words], plain=True),
        Tree(words, [Node(words, [Node("leaf", [], words, "good")])], words),
    ]


def test_whatever_data_hold_is_never_markup() -> None:
    points = [Point(1.0, 1, 1.0, 1.0, 1.0)]
    record = RunRecord(
        title=EVIL,
        task=EVIL,
        command=EVIL,
        created=EVIL,
        cell=EVIL,
        metrics={"accuracy": 0.5, EVIL: 1.0},
        evaluated_on=EVIL,
        engine=EVIL,
        device=EVIL,
        history=points,
        best=points[0],
        chosen_by=[EVIL],
        ended=EVIL,
        baselines=[Baseline(EVIL, {"accuracy": 0.4, EVIL: 2.0})],
        sections=every_kind(EVIL),
        equations=[EVIL, EVIL],
        equations_latex=[EVIL, "$" + EVIL],
        equations_source=EVIL,
        settings={EVIL: {EVIL: EVIL}},
        defaults={EVIL: {EVIL: EVIL + EVIL}},
        data=DataDescription(EVIL, [DataFile(EVIL, EVIL)], {EVIL: 1}, EVIL, facts={EVIL: EVIL}),
        notes=[EVIL],
        versions={EVIL: EVIL},
    )
    text = build_report(record)
    page = Page(text)
    assert page.tags.count("script") == 1  # ours, which the policy knows
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert EVIL in page.text
    assert any("&lt;script&gt;" in svg for svg in pictures(text))


@pytest.mark.parametrize(
    "words", ["$x^2$ \\frac", 'a" onload="b', "]]> -->", "null\x00\ud800", "_hidden", "", "{{ x }}"]
)
def test_no_words_break_the_page(words: str) -> None:
    text = build_report(RunRecord("t", "some", sections=every_kind(words)))
    page = Page(text)
    pictures(text)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    text.encode("utf-8")


def test_every_kind_survives_json() -> None:
    record = RunRecord("t", "some", sections=every_kind("words"))
    assert RunRecord.from_json(record.to_json()) == record


def test_empty_sections_are_left_out() -> None:
    empty = [
        Table("nobody", ["a"], []),
        Picture("nobody", ""),
        Pictures("nobody", []),
        Curves("nobody", [], "x", "y"),
        Matrix("nobody", [], []),
        Samples("nobody", []),
        Sequences("nobody", []),
        Bars("nobody", []),
        Text("nobody", []),
        Tree("nobody", []),
    ]
    assert "nobody" not in Page(build_report(RunRecord("t", "some", sections=empty))).text


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Table("t", ["a", "b"], [["x"]]), "expected 2 cells a row, got 1"),
        (lambda: Matrix("m", ["a", "b"], [[1, 2]]), "expected 2 x 2, got 1 rows"),
        (lambda: Line("l", [1.0], [1.0, 2.0]), r"one length, got \[1, 2, 0, 0\]"),
        (lambda: Line("l", [1.0], [1.0], low=[1.0]), "with low and high"),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        make()


@pytest.mark.parametrize(
    "inside",
    [
        "<script>1</script>", '<a href="#x"/>', "<foreignObject/>", '<use href="http://a/b"/>', "<style>a{}</style>",
        '<path onload="x()"/>', '<path style="fill: url(http://a/b)"/>', '<image href="http://a/b"/>', "<animate/>",
        "<g>", "plain</svg>", '<image href="data:image/svg+xml;base64,AAAA"/>',
        '<use href="data:image/png;base64,AAAA"/>',
        '<path ONCLICK="x()"/>', '<path style="background: url(  //a/b)"/>',
    ],
)  # fmt: skip
def test_a_picture_that_could_do_more_than_be_seen_is_refused(inside: str) -> None:
    with pytest.raises(DataError, match="a picture"):
        build_report(RunRecord("t", "some", sections=[Picture("p", SVG.format(inside))]))
    declared = "<!DOCTYPE svg [<!ENTITY a 'b'>]>" + SVG.format("&a;")
    with pytest.raises(DataError, match="declarations"):
        build_report(RunRecord("t", "some", sections=[Picture("p", declared)]))


def test_pixels_are_part_of_a_picture() -> None:
    with drawing("pixels"):
        figure, axes = chart()
        axes.imshow([[0.0, 1.0]], interpolation="none")
        svg = to_svg(figure, "two pixels")
    page = build_report(RunRecord("t", "some", sections=[Picture("p", svg)]))
    assert 'xlink:href="data:image/png;base64,' in page
    assert "default-src 'none'; img-src data:;" in page


def test_rows_that_are_folded_are_there_and_closed() -> None:
    table = Table("t", ["a"], [["shown"]], folded=[["hidden"]], folded_as="1 row of nothing")
    text = build_report(RunRecord("t", "some", sections=[table]))
    shown, folded = text.split("<details><summary>1 row of nothing</summary>")
    assert ">shown<" in shown
    assert ">hidden<" in folded


def test_numbers_of_a_table_are_written() -> None:
    number = Column("n", "number")
    row = [0.123456, 1234, float("nan"), None, "as is"]
    table = Table("t", [number] * 5, [row])
    for section in (table, RunRecord.from_json(RunRecord("t", "s", sections=[table]).to_json()).sections[0]):
        text = build_report(RunRecord("t", "some", sections=[section]))
        assert re.findall(r'<td class="n">([^<]*)</td>', text) == ["0.123", "1,234", "–", "–", "as is"]


def test_a_picture_beside_others_keeps_its_ids() -> None:
    svgs = []
    for name in ("one", "two"):
        with drawing(name):
            figure, axes = chart()
            axes.plot([0, 1], [1, 0], color=BLUE)
            svgs.append(to_svg(figure, name))
    pair = Pictures("both", [Picture(str(i), svg) for i, svg in enumerate(svgs)])
    ids = [value for name, value in Page(build_report(RunRecord("t", "s", sections=[pair]))).attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_a_picture_without_text_may_be_any_size() -> None:
    with drawing("bare"):
        figure, axes = canvas(300, 40)
        axes.plot([0, 300], [0, 40])
        svg = to_svg(figure, "a line")
    assert "min-width: 0px" in svg


def test_shades_are_of_each_token_and_have_ten_steps() -> None:
    with pytest.raises(DataError, match="2 tokens, got 1 values and 2 words of 'it'"):
        Coloured("t", ["a", "b"], [Shades("it", [0.1], ["", ""])])
    values = [0.0, 0.04, 0.26, 1.0, 7.0, -0.5, math.nan]
    text = build_report(
        RunRecord("t", "some", sections=[Coloured("t", ["a"] * 7, [Shades("it", values, list("abcdefg"))])])
    )
    found = re.findall(r'<i class="(\w*)" title="\w">a</i>', text)
    assert found == ["", "", "p3", "p10", "p10", "n5", ""]
