"""What the report of a classifier shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.data.files.examples import Example, Examples
from recurra.report.sections import Curves, Matrix, Section, Table
from recurra.tasks.classify.data import Part
from recurra.tasks.classify.report import sections

CLASSES = ["cat", "dog", "emu"]
SURE = np.log([[0.9, 0.08, 0.02], [0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.98, 0.01, 0.01]])
TRUE = np.array([0, 1, 1, 2, 1])


@pytest.fixture
def shown() -> dict[str, Section]:
    items = [Example(f"text {i}", CLASSES[label], Path("x", "rows.csv"), 10 * i) for i, label in enumerate(TRUE)]
    part = Part([e.text for e in items], [np.zeros(1, np.int64)] * 5, TRUE, examples=Examples(items))
    return {section.title: section for section in sections(part, CLASSES, SURE, 1.0, "test")}


def test_classes_that_it_never_got_right_are_folded(shown: dict[str, Section]) -> None:
    table = shown["Each class"]
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["dog", "cat"]  # by the number of their examples
    assert [row[:5] for row in table.folded] == [["emu", 1, 0.0, 0.0, 0.0]]
    assert table.folded_as == "1 class that it never got right"


def test_mistakes_are_in_the_order_of_how_sure_it_was(shown: dict[str, Section]) -> None:
    table = shown["Surest mistakes"]
    assert isinstance(table, Table)
    assert table.rows == [
        [["text 4"], "dog", "cat", "0.980", "rows.csv:40"],
        [["text 1"], "dog", "cat", "0.700", "rows.csv:10"],
        [["text 3"], "emu", "cat", "0.600", "rows.csv:30"],
    ]
    assert table.note.startswith("3 of 5 are wrong")


def test_pairs_are_counted_with_examples(shown: dict[str, Section]) -> None:
    table, matrix = shown["Most confused pairs"], shown["Confusion matrix"]
    assert isinstance(table, Table)
    assert isinstance(matrix, Matrix)
    assert table.rows[0] == ["dog", "cat", "2 of 3", ["text 1", "text 4"]]
    assert matrix.counts == [[1, 0, 0], [2, 1, 0], [1, 0, 0]]


def test_reliability_has_both_axes_on_one_scale(shown: dict[str, Section]) -> None:
    curves = shown["Is it right as often as it says?"]
    assert isinstance(curves, Curves)
    assert curves.square
    assert [line.name for line in curves.lines] == ["right as often as it says", "this model"]


def test_of_many_classes_the_page_shows_as_many_as_one_can_read() -> None:
    classes = [f"c{number:05d}" for number in range(20_000)]
    labels = np.concatenate([np.arange(1500), np.arange(300)])
    logs = np.full((len(labels), len(classes)), np.float32(np.log(0.1 / len(classes))))
    logs[np.arange(len(labels)), (labels + np.arange(len(labels)) % 3 // 2) % len(classes)] = np.log(0.9)
    items = [Example("a text", classes[label], Path("x", "rows.csv"), 1) for label in labels]
    part = Part([e.text for e in items], [np.zeros(1, np.int64)] * len(items), labels, examples=Examples(items))
    shown = {section.title: section for section in sections(part, classes, logs, 2.0, "test")}
    table, matrix = shown["Each class"], shown["Confusion matrix"]
    assert isinstance(table, Table)
    assert isinstance(matrix, Matrix)
    assert len(table.rows) + len(table.folded) == 1000
    assert table.note == "These are the 1,000 with the most examples, of 20,000."
    assert (matrix.names, matrix.of) == (classes[:80], 20_000)
    assert all(matrix.total(row) == 2 for row in range(80))
