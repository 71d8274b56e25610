"""The last lines of a training: the verdict, and what would help."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from recurra.api.verdict import advice, headline, more_minutes, verdict
from recurra.report.best import best_baseline
from recurra.report.metric import find
from recurra.report.record import Baseline
from recurra.tasks import registry
from recurra.training.history import Point

ROWS = tuple({row.name: row for task in registry.ROWS for row in task.metrics}.values())
MAJORITY = Baseline("always Russian", {"accuracy": 0.5, "macro_f1": 0.04})
BAYES = Baseline("naive Bayes", {"accuracy": 0.75, "macro_f1": 0.6})


@pytest.mark.parametrize(
    ("metrics", "baselines", "outcome", "words"),
    [
        ({"loss": 1, "accuracy": 0.773, "macro_f1": 0.1}, [MAJORITY, BAYES], "better",
         "accuracy 2.3 points above naive Bayes"),
        ({"accuracy": 0.739}, [BAYES, MAJORITY], "worse", "accuracy 1.1 points below naive Bayes"),
        ({"accuracy": 0.75}, [BAYES], "equal", "accuracy no better than naive Bayes"),
        ({"accuracy": 0.75 * (1 + 1e-7)}, [BAYES], "equal", "accuracy no better than naive Bayes"),
        ({"accuracy": 0.7501}, [BAYES], "better", "accuracy less than 0.1 points above naive Bayes"),
        ({"nats_per_character": 1.464}, [Baseline("a", {"nats_per_character": 2.0}),
         Baseline("Kneser-Ney 5-gram", {"nats_per_character": 1.561})], "better",
         "nats per character 0.097 better than Kneser-Ney 5-gram"),
        ({"perplexity": 150.0}, [Baseline("5-gram", {"perplexity": 141.0})], "worse",
         "perplexity 9.000 worse than 5-gram"),
        ({"bleu": 33.0}, [Baseline("word for word", {"bleu": 5.5})], "better", "BLEU 27.500 above word for word"),
        ({"top1": 0.4, "top5": 0.2}, [Baseline("counts", {"top5": 0.1})], "better", "top5 10.0 points above counts"),
    ],
)  # fmt: skip
def test_the_verdict_in_words(metrics: dict[str, float], baselines: Any, outcome: str, words: str) -> None:
    found = verdict(metrics, ROWS, baselines)
    assert found is not None
    assert (found.outcome, found.words) == (outcome, words)


@pytest.mark.parametrize(
    ("metrics", "baselines"),
    [
        ({"accuracy": 0.7}, []),
        ({"accuracy": 0.7}, [Baseline("b", {"accuracy": math.nan})]),
        ({"accuracy": math.nan}, [BAYES]),
        ({"oddness": 0.7}, [Baseline("b", {"oddness": 0.1})]),
        ({}, [BAYES]),
    ],
)
def test_no_verdict_without_two_numbers_and_a_direction(metrics: dict[str, float], baselines: Any) -> None:
    assert verdict(metrics, ROWS, baselines) is None


def test_the_headline_is_the_first_metric_that_a_baseline_has_too() -> None:
    assert headline({"loss": 1.0, "accuracy": 0.5, "macro_f1": 0.5}, ROWS) == "accuracy"
    assert headline({"accuracy": 0.5, "macro_f1": 0.5}, ROWS, [Baseline("b", {"macro_f1": 0.1})]) == "macro_f1"
    assert headline({"oddness": 1.0}, ROWS) is None
    assert best_baseline(find(ROWS, "accuracy"), [MAJORITY, BAYES]) == ("naive Bayes", 0.75)


def points(losses: Sequence[float], seconds: float = 10.0) -> list[Point]:
    return [Point(i, i, i * seconds / len(losses), None, loss) for i, loss in enumerate(losses, start=1)]


def test_a_rising_validation_loss_overfits_even_in_a_run_that_beats_its_baselines() -> None:
    for outcome in ("better", "worse"):
        hint = advice(points([2.0, 1.0, 0.9, 1.1, 1.3]), 10, "budget", outcome)
        assert hint is not None
        assert hint.startswith("it overfits: the validation loss was 0.900 at epoch 3 and is 1.300 at the end")
        assert "--minutes" not in hint


def test_a_run_that_still_improves_is_told_to_go_on() -> None:
    falling = [2.0, 1.8, 1.6, 1.4, 1.2, 1.0, 0.9, 0.8, 0.7, 0.6]
    assert advice(points(falling), 30, "budget", "better") == "still improving at the end; train longer: --minutes 2"


def test_a_run_that_has_settled_is_told_nothing_if_it_beats_its_baselines() -> None:
    settled = points([2.0, 1.5, 1.01, 1.005, 1.002, 1.001, 1.001, 1.0, 1.0, 1.0])
    assert advice(settled, 30, "budget", "better") is None
    assert advice(settled, 30, "budget", None) is None
    assert advice(settled, 200, "budget", "worse") == "train longer: --minutes 10"
    assert "--minutes" not in str(advice(settled, 200, "patience", "equal"))


def test_a_run_with_one_evaluation_has_no_trend() -> None:
    assert advice(points([1.0]), 1, "budget", "better") is None
    assert advice(points([1.0]), 1, "budget", "worse") == "train longer: --minutes 1"
    assert advice([], 1, "budget", None) is None


def test_budgets_are_round() -> None:
    assert [more_minutes(seconds) for seconds in (0, 20, 21, 100, 3600, 36_000)] == [1, 1, 2, 5, 240, 1800]
