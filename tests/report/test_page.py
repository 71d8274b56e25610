"""The whole page: structure, nothing from outside, nothing let through, the same bytes."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from report_records import LANGUAGES, classifier, language_model

from recurra.report.build import build_report
from recurra.report.confusion import draw_confusion
from recurra.report.record import (
    Baseline,
    ClassScore,
    ConfusedPair,
    DataDescription,
    DataFile,
    Point,
    RunRecord,
    Sample,
)

EVIL = "<script>alert(1)</script>"
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Checks that tags close in order; keeps tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def classified():
    return build_report(classifier())


@pytest.fixture(scope="module")
def written():
    return build_report(language_model())


def pictures(text):
    found = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    for svg in found:
        ElementTree.fromstring(svg)
    return found


def test_a_classifier_shows_everything(classified):
    page = Page(classified)
    ids = [value for name, value in page.attributes if name == "id"]
    for section in ("headline", "training", "baselines", "confusion", "classes", "confused", "equations", "data"):
        assert section in ids
    for words in (
        "84.7\u00a0%",
        "79.1\u00a0%",
        "0.008 worse",
        "146,706",
        "Portuguese",
        "王小明",
        "Hochreiter &",
        "13,932",
    ):
        assert words in page.text
    assert "samples" not in ids
    assert len(pictures(classified)) == 3 + 6


def test_every_class_is_in_the_picture(classified):
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", classified)
    for language in LANGUAGES:
        assert texts.count(language) == 2


def test_a_language_model_shows_everything(written):
    page = Page(written)
    assert "JULIET:" in page.text
    assert "And I have </pre> words" in page.text
    assert "白日依山尽" in page.text
    assert "Kneser-Ney 5-gram (validation) 1.664" in written
    assert "confusion" not in [value for name, value in page.attributes if name == "id"]


def test_the_page_needs_nothing_from_outside(classified, written):
    for text in (classified, written):
        bare = re.sub(r'xmlns(:xlink)?="[^"]*"', "", text)
        assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)|data:image", bare)
        page = Page(text)
        assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
        assert all(value.startswith("#") for name, value in page.attributes if name in ("href", "src", "xlink:href"))
        assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_ids_are_unique(classified):
    ids = [value for name, value in Page(classified).attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_same_record_gives_the_same_bytes(classified):
    assert build_report(classifier()) == classified


def test_a_fresh_process_gives_the_same_bytes_without_pyplot_or_torch(classified):
    lines = (
        "import sys",
        "from report_records import classifier",
        "from recurra.report.build import build_report",
        "sys.stdout.buffer.write(build_report(classifier()).encode())",
        "assert not {'matplotlib.pyplot', 'torch'} & set(sys.modules)",
    )
    here = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", "; ".join(lines)], capture_output=True, check=True, cwd=here)
    assert done.stdout.decode() == classified


def test_data_is_never_markup():
    classes = [EVIL, "$x^2$ \\frac", 'a" onload="b', "]]> -->", "null\x00\ud800", "_hidden"]
    points = [Point(1.0, 1, 1.0, 1.0, 1.0)]
    record = RunRecord(
        title=EVIL, task="classify", command=EVIL, created=EVIL, cell=EVIL, metrics={"accuracy": 0.5, EVIL: 1.0},
        evaluated_on=EVIL, engine=EVIL, device=EVIL, history=points, best=points[0],
        baselines=[Baseline(name, {"accuracy": 0.4, EVIL: 2.0}) for name in classes],
        classes=classes, confusion=[[1] * 6] * 6, per_class=[ClassScore(name, 0.5, 0.5, 0.5, 6) for name in classes],
        confused=[ConfusedPair(EVIL, EVIL, 1, [EVIL])], samples=[Sample(EVIL, 1.0, "</pre>" + EVIL)],
        equations=[EVIL, EVIL], equations_latex=[EVIL, "$" + EVIL], equations_source=EVIL,
        settings={EVIL: {EVIL: EVIL}, "loose": EVIL},
        data=DataDescription(EVIL, [DataFile(EVIL, EVIL)], {EVIL: 1}, EVIL, vocabulary_size=1, vocabulary_level=EVIL),
        notes=[EVIL], versions={EVIL: EVIL},
    )  # fmt: skip
    for task in ("classify", "language"):
        text = build_report(replace(record, task=task))
        page = Page(text)
        assert "script" not in page.tags
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        assert "$x^2$ \\frac" in page.text
        assert EVIL in page.text
        assert any("&lt;script&gt;" in svg for svg in pictures(text))
        text.encode("utf-8")


def test_an_empty_record_is_a_page():
    text = build_report(RunRecord("nothing yet", "classify"))
    assert "No training history was recorded" in Page(text).text
    assert pictures(text) == []


def test_no_test_examples():
    record = classifier(["a", "b"])
    nan = math.nan
    record = replace(
        record,
        metrics={"accuracy": nan, "macro_f1": nan},
        baselines=[Baseline("majority", {"accuracy": nan})],
        confusion=[[0, 0], [0, 0]],
        per_class=[ClassScore("a", nan, nan, nan, 0), ClassScore("b", nan, nan, nan, 0)],
        confused=[],
    )
    text = Page(build_report(record)).text
    assert not re.search(r"\bnan\b", text)
    assert "–" in text


@pytest.mark.parametrize(
    "points",
    [
        [Point(1.0, 10, 3.0, 2.0, 1.9)],
        [Point(1.0, 10, 0.0, 2.0)],
        [Point(1.0, 10, math.nan, 2.0), Point(2.0, 20, math.nan, 2.0)],
        [Point(0.1, 1, 1.0, math.nan, math.inf, learning_rate=0.0, gradient_norm=math.nan)],
        [Point(float(n), n, 60.0 * n, 10.0 ** (9 - n), None, learning_rate=1e-3) for n in range(1, 9)],
        [Point(n / 100, n, float(n), 3.0 - n / 400, gradient_norm=1e9 / n) for n in range(1, 400)],
    ],
    ids=["one epoch", "no validation", "no clock", "no numbers", "nine decades", "many points"],
)
def test_odd_histories(points):
    text = build_report(RunRecord("t", "language", history=points, best=points[0]))
    assert len(pictures(text)) == 1
    assert not re.search(r"\b(nan|inf)\b", "".join(pictures(text)))


def test_sixty_classes_lose_their_numbers_and_a_hundred_are_cut():
    sixty = draw_confusion(classifier([f"语言 Language {index}" for index in range(60)]))
    assert sixty.count(">语言 Language 59</text>") == 2
    assert not re.search(r">\d+</text>", sixty)
    hundred = classifier([f"c{index}" for index in range(100)])
    hundred = build_report(replace(hundred, history=[], equations_latex=[]))
    assert "Drawn are the 80 classes with the most examples, of 100." in hundred
    assert "Cells carry" not in hundred


def test_a_long_name_is_cut_in_the_picture_and_whole_in_the_table():
    name = "an extraordinarily long name of a class, " * 4
    text = build_report(classifier([name, "b"]))
    assert name in text.replace("\n", " ")
    assert "…</text>" in text
