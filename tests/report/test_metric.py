"""What a score is, and which of two is better."""

from __future__ import annotations

import math

import pytest

from recurra.report.best import best_baseline
from recurra.report.metric import Metric, find, ranked
from recurra.report.record import Baseline

ACCURACY = Metric("accuracy", "Accuracy", "accuracy", "%", "higher")
NATS = Metric("nats", "Nats per character", "nats", "nats per character", "lower")
LOSS = Metric("loss", "Loss", "loss", "nats per token", "lower")
COUNT = Metric("texts", "Texts cut", "texts cut")


def test_metrics_know_their_direction() -> None:
    assert ACCURACY.beats(0.8, 0.7)
    assert NATS.beats(1.4, 1.5)
    assert not NATS.beats(math.nan, 1.5)
    assert not COUNT.beats(2, 1)
    assert ACCURACY.compare(0.8, 0.7) == "10.0\u00a0points better"
    assert ACCURACY.compare(0.7, 0.7001) == "less than 0.1\u00a0points worse"
    assert NATS.compare(1.75, 1.5) == "0.250 worse"
    assert NATS.compare(1.5, 1.5) == "no better"
    assert NATS.compare(1.5 * (1 - 1e-7), 1.5) == "no better"


@pytest.mark.parametrize(
    ("metric", "heading"), [(ACCURACY, "Accuracy"), (NATS, "Nats per character"), (LOSS, "Loss, nats per token")]
)
def test_a_heading_says_the_unit_once(metric: Metric, heading: str) -> None:
    assert metric.heading == heading


def test_only_percent_is_written_as_such() -> None:
    assert ACCURACY.write(0.8472) == "84.7\u00a0%"
    assert NATS.write(1.4931) == "1.493"
    assert ACCURACY.write(math.nan) == ACCURACY.write(None) == "–"


def test_what_no_row_names_has_no_direction() -> None:
    assert find([ACCURACY, LOSS], "loss") is LOSS
    assert find([ACCURACY], "top_3_recall") == Metric("top_3_recall", "Top 3 recall", "top 3 recall")


def test_scores_are_ranked_by_their_direction() -> None:
    rows, names = [ACCURACY, LOSS], ["accuracy", "loss"]
    better, equal, worse = ({"accuracy": a, "loss": b} for a, b in ((0.9, 0.5), (0.9, 0.6), (0.8, 0.1)))
    found = [ranked(rows, names, scores) for scores in (worse, equal, better)]
    assert sorted(found) == [found[2], found[1], found[0]]
    assert ranked(rows, ["span_f1", "loss"], {"loss": 0.5}) == [0.5]


def test_the_best_baseline_is_best_by_the_metric() -> None:
    baselines = [
        Baseline("a", {"accuracy": 0.4, "loss": 2.0}),
        Baseline("b", {"accuracy": 0.6, "loss": 3.0}),
        Baseline("c", {"accuracy": math.nan}),
    ]
    assert best_baseline(ACCURACY, baselines) == ("b", 0.6)
    assert best_baseline(LOSS, baselines) == ("a", 2.0)
    assert best_baseline(NATS, baselines) is None


@pytest.mark.parametrize(
    ("label", "noun"), [("Calibrated loss", "calibrated loss"), ("Macro-F1", "macro-F1"), ("BLEU-4", "BLEU-4")]
)
def test_a_label_within_a_sentence(label: str, noun: str) -> None:
    assert Metric("m", label, "m").noun == noun
