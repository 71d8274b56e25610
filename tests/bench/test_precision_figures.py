"""What products of bfloat16 cost: of which figures a comparison speaks."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from recurra.tasks import registry
from tests.scripts import loaded

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "precision.py"


@pytest.fixture(scope="module")
def precision() -> ModuleType:
    return loaded(PATH)


@pytest.mark.parametrize(
    ("task", "reached", "names"),
    [
        ("tag", {"loss": 0.3, "accuracy": 0.9, "span_f1": 0.8}, ["span_f1", "loss"]),
        ("tag", {"loss": 0.3, "accuracy": 0.9}, ["accuracy", "loss"]),  # parts of speech have no spans
        ("language", {"loss": 1.5, "perplexity": 4.5}, ["perplexity", "loss"]),
        ("forecast", {"loss": 1.5}, ["loss"]),
    ],
)
def test_the_first_metric_a_run_has_and_its_loss(
    precision: ModuleType, task: str, reached: dict[str, float], names: list[str]
) -> None:
    assert [row.name for row in precision.compared(registry.get(task).metrics, (), reached)] == names


def test_the_metrics_that_are_asked_for(precision: ModuleType) -> None:
    reached = {"bleu": 20.0, "chrf": 40.0, "loss": 3.0}
    rows = precision.compared(registry.get("translate").metrics, ("loss", "bleu"), reached)
    assert [row.name for row in rows] == ["loss", "bleu"]
