"""What the report of a classifier shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recurra import metrics
from recurra.report.sections import Cell, Column, Columns, Section, Table
from recurra.tasks.calibration import Logits, reliability
from recurra.tasks.classify.data import Part
from recurra.tasks.confusion import confusion

LISTED = 1000
"""Classes of which the scores are listed, those with the most examples."""
EXAMPLES, PAIRS, WRONG = 5, 10, 10
"""Quoted for each of the most confused pairs; such pairs; examples of which it was surest, and wrong."""
LONGEST = 200
"""Characters of a text that is quoted."""


def sections(
    part: Part, classes: list[str], logs: Logits, temperature: float, name: str, *, mixed: bool = False
) -> list[Section]:
    """logs: log-probabilities [N, C] of the part, which is called `name`

    temperature: what is in them already; mixed: whether a linear skip is in them too
    """
    predicted = logs.argmax(-1)
    return [
        confusion("Confusion matrix", part.labels, predicted, classes),
        _each_class(part, predicted, classes),
        _confused(part, predicted, classes),
        _surely_wrong(part, predicted, classes, logs),
        reliability(logs, part.labels, temperature, name, mixed=mixed),
    ]


def _each_class(part: Part, predicted: npt.NDArray[np.int64], classes: list[str]) -> Table:
    found = sorted(metrics.per_class(part.labels, predicted, classes), key=lambda row: (-row.support, row.name))
    rows: dict[bool, list[list[Cell]]] = {True: [], False: []}
    for row in found[:LISTED]:
        rows[row.f1 > 0].append([row.name, row.support, row.precision, row.recall, row.f1, row.f1])
    never = len(rows[False])
    columns = [Column(title, "number") for title in ("Examples", "Precision", "Recall", "F1")]
    return Table(
        "Each class",
        ["Class", *columns, Column("", "bar")],
        rows[True],
        f"These are the {LISTED:,} with the most examples, of {len(found):,}." if len(found) > LISTED else "",
        folded=rows[False],
        folded_as=f"{never:,} {'class' if never == 1 else 'classes'} that it never got right",
    )


def _confused(part: Part, predicted: npt.NDArray[np.int64], classes: list[str]) -> Table:
    rows: list[list[Cell]] = []
    for pair in metrics.most_confused(part.labels, predicted, classes, top=PAIRS):
        true, wrong = classes.index(pair.true), classes.index(pair.predicted)
        found = np.flatnonzero((part.labels == true) & (predicted == wrong))[:EXAMPLES]
        of = int((part.labels == true).sum())
        rows.append([pair.true, pair.predicted, f"{pair.count:,} of {of:,}", [part.texts[i][:LONGEST] for i in found]])
    columns: Columns = ["True class", "Taken for", Column("Times", "number"), Column("For example", "quotes")]
    return Table("Most confused pairs", columns, rows)


def _surely_wrong(part: Part, predicted: npt.NDArray[np.int64], classes: list[str], logs: Logits) -> Table:
    """What a label that is wrong, or a text that says too little, looks like."""
    wrong = np.flatnonzero(predicted != part.labels)
    surest = wrong[np.argsort(-logs[wrong].max(-1), kind="stable")][:WRONG]
    rows: list[list[Cell]] = [
        [
            [part.texts[i][:LONGEST]],
            classes[part.labels[i]],
            classes[predicted[i]],
            f"{np.exp(logs[i].max()):.3f}",
            part.place(i),
        ]
        for i in surest
    ]
    columns: Columns = [
        Column("Text", "quotes"),
        "True class",
        "Taken for",
        Column("Probability", "number"),
        Column("Where", "code"),
    ]
    return Table(
        "Surest mistakes",
        columns,
        rows,
        f"{len(wrong):,} of {len(part):,} are wrong; these are the ones that it was surest of. Some may be labelled "
        "wrongly.",
    )
