"""The whole page: structure, nothing from outside, nothing let through, the same bytes."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from report_records import LANGUAGES, classifier, language_model

from recurra.report.build import build_report
from recurra.report.matrix import draw_matrix
from recurra.report.metric import Metric
from recurra.report.record import Baseline, Point, RunRecord, Verdict

SHORT = {"history": [], "sections": [], "equations": [], "equations_latex": []}
"""Without pictures, which take time to draw."""
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
    for section in ("headline", "training", "baselines", "section-5", "equations", "data", "settings", "reproduce"):
        assert section in ids
    titles = ("Confusion matrix", "Each class", "Most confused pairs", "Reliability", "Sentences")
    assert [page.text.count(f"{title}\n") for title in titles] == [2] * 5  # in the contents, and as a heading
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
    assert "Samples" not in page.text
    assert len(pictures(classified)) == 4 + 2 + 6


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
    assert "Loss, nats per character" in written
    assert "Confusion" not in page.text


def test_the_page_needs_nothing_from_outside(classified, written):
    for text in (classified, written):
        bare = re.sub(r'xmlns(:xlink)?="[^"]*"', "", text)
        assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)|data:image", bare)
        page = Page(text)
        assert not {"link", "img", "iframe", "object"} & set(page.tags)
        assert all(value.startswith("#") for name, value in page.attributes if name in ("href", "src", "xlink:href"))
        assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_its_one_script_is_allowed_by_its_hash_and_nothing_else(classified):
    (script,) = re.findall(r"<script>(.*?)</script>", classified, flags=re.DOTALL)
    assert Page(classified).tags.count("script") == 1
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', classified)[1])
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert not re.search(r"fetch|XMLHttp|eval\(|innerHTML|import\(", script)


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


def test_an_empty_record_is_a_page():
    text = build_report(RunRecord("nothing yet", "classify"))
    assert "No training history was recorded" in Page(text).text
    assert pictures(text) == []


def test_no_test_examples():
    nan = math.nan
    record = replace(
        classifier(["a", "b"]),
        **SHORT,
        metrics={"accuracy": nan, "macro_f1": nan},
        baselines=[Baseline("majority", {"accuracy": nan})],
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
    ids=["one epoch", "no validation", "no clock", "not numbers", "nine decades", "many points"],
)
def test_odd_histories(points):
    text = build_report(RunRecord("t", "language", history=points, best=points[0]))
    assert not re.search(r"\b(nan|inf)\b", "".join(pictures(text)))
    assert len(pictures(text)) == sum(
        any(value is not None and math.isfinite(value) for point in points for value in values(point))
        for values in (
            lambda point: (point.train_loss, point.validation_loss),
            lambda point: (point.learning_rate,),
            lambda point: (point.gradient_norm,),
        )
    )


def test_the_verdict_and_what_would_help_stand_at_the_top():
    record = replace(
        classifier(), verdict=Verdict("worse", "accuracy 1.1 points below <b>"), hint="train longer", **SHORT
    )
    top = build_report(record).split('<section id="headline"')[0]
    assert '<p class="verdict worse">Accuracy 1.1 points below &lt;b&gt;.</p>' in top
    assert '<p class="hint">Train longer.</p>' in top
    assert "verdict worse" not in build_report(replace(record, verdict=None, hint=""))


# training


def test_the_metric_stands_beside_the_loss_over_epochs_and_seconds(classified):
    loss, accuracy = pictures(classified)[:2]
    for svg, title in ((loss, "Loss, nats per example"), (accuracy, "Accuracy")):
        texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
        assert {title, "epochs", "seconds"} <= set(texts)
    assert "naive Bayes on 1-3 characters (test) 79.1 %" in accuracy


def test_why_these_weights_were_kept_is_said_in_words(classified, written):
    assert (
        "of 24 evaluations this one had the highest validation accuracy, 85.4\u00a0%; between equals the loss"
        in classified
    )
    assert (
        "epoch 25 (step 3,000, after 99.7\u00a0s): of 30 evaluations this one had the lowest validation loss" in written
    )
    assert "All 24 epochs were trained." in classified


def test_later_weights_that_got_worse_are_told():
    record = replace(classifier(), sections=[], equations_latex=[])
    points = [replace(p, validation_loss=1.0 if p is record.history[18] else 1.5) for p in record.history]
    worse = build_report(replace(record, history=points, best=points[18]))
    assert "The validation loss was 1.000 then and 1.500 at the end" in Page(worse).text
    assert "at the end" not in Page(build_report(replace(record, history=points[:19], best=points[18]))).text


# settings


def test_changed_settings_come_first_and_the_rest_is_folded(classified):
    shown, folded = classified[classified.index('id="settings"') :].split("<details>")[:2]
    for name, here, usual in (("cell", "lstm", "gru"), ("epochs", "24", "12"), ("normalize", "nfc", "–")):
        assert f'<th scope="row">{name}</th><td>{here}</td><td>{usual}</td>' in shown
        assert f">{name}<" not in folded
    for name in ("hidden size", "learning rate", "seed"):
        assert f'<th scope="row">{name}</th>' in folded
        assert name not in shown


def test_settings_that_are_all_usual_are_said_to_be():
    record = classifier()
    assert "All as they usually are." in build_report(replace(record, defaults=record.settings, **SHORT))


# whole


def test_bars_have_whole_names_and_the_model_first():
    name = "an extraordinarily long name of a baseline, " * 4
    record = replace(classifier(), baselines=[Baseline(name, {"accuracy": 0.4})], **SHORT)
    bars = re.search(r'<div class="bars">.*?\n</div>', build_report(record), re.DOTALL).group()
    assert name in bars
    assert re.findall(r'style="width:([\d.]+)%"', bars) == ["84.7", "40.0"]


def test_a_hundred_names_are_cut_to_eighty():
    sixty = draw_matrix(classifier([f"语言 Language {index}" for index in range(60)]).sections[0])
    assert sixty.count(">语言 Language 59</text>") == 2
    assert not re.search(r">\d+</text>", sixty)
    hundred = classifier([f"c{index}" for index in range(100)])
    hundred = build_report(replace(hundred, history=[], equations_latex=[]))
    assert "Drawn are the 80 with the most examples, of 100." in hundred
    assert "Cells carry" not in hundred


def test_a_long_name_is_cut_in_the_picture_and_whole_in_the_table():
    name = "an extraordinarily long name of a class, " * 4
    text = build_report(classifier([name, "b"]))
    assert name in text.replace("\n", " ")
    assert "…</text>" in text


def test_units_of_what_has_no_row_are_not_invented():
    text = build_report(RunRecord("t", "some", metrics={"odd_score": 3.0}, metric_rows=[Metric("x", "X", "x")]))
    assert "Odd score" in Page(text).text
