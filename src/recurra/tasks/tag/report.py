"""What the report of a tagger shows: tags, spans, confusions, sentences."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from recurra import metrics
from recurra.data.tagged import spans
from recurra.report import record as report
from recurra.tasks.tag.data import TagPart

MOST_TAGS = 40
"""With more, the confusion matrix is not drawn."""
PAIRS, EXAMPLES, AROUND = 10, 5, 4
"""Most confused pairs, the examples of each, and the tokens shown on either side."""
SENTENCES, BAND = 6, 12
"""Sentences shown, and the tokens of a row."""
MISTAKE = "✗"


def details(part: TagPart, predicted: list[list[str]], tags: Sequence[str], scheme: str | None) -> dict[str, Any]:
    """Fields of report.record.RunRecord. predicted: the tags of each sentence of the part."""
    true = [list(sentence.tags) for sentence in part.sentences]
    names = [*tags, *sorted({tag for row in true for tag in row} - set(tags))]
    places = {name: place for place, name in enumerate(names)}
    truth, guess = (np.array([places[tag] for row in rows for tag in row]) for rows in (true, predicted))
    found: dict[str, Any] = {
        "per_class": [report.ClassScore(**asdict(row)) for row in metrics.per_class(truth, guess, names)],
        "confused": _confused(part, true, predicted),
        "tables": [*([_span_table(true, predicted)] if scheme else []), _sentences(part, true, predicted)],
    }
    if len(names) <= MOST_TAGS:
        found |= {"classes": names, "confusion": metrics.confusion_matrix(truth, guess, names).tolist()}
    return found


def _confused(part: TagPart, true: list[list[str]], predicted: list[list[str]]) -> list[report.ConfusedPair]:
    """The pairs most often confused, with examples: the token in brackets, between its neighbours."""
    counts: Counter[tuple[str, str]] = Counter()
    examples: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for sentence, tags, guess in zip(part.sentences, true, predicted, strict=True):
        for place, pair in enumerate(zip(tags, guess, strict=True)):
            if pair[0] != pair[1]:
                counts[pair] += 1
                if len(examples[pair]) < EXAMPLES:
                    before, after = (
                        sentence.tokens[max(0, place - AROUND) : place],
                        sentence.tokens[place + 1 :][:AROUND],
                    )
                    examples[pair].append(" ".join([*before, f"[{sentence.tokens[place]}]", *after]))
    order = sorted(counts, key=lambda pair: (-counts[pair], pair))[:PAIRS]
    return [report.ConfusedPair(*pair, counts[pair], examples[pair]) for pair in order]


def _span_table(true: list[list[str]], predicted: list[list[str]]) -> report.Table:
    found = spans.score(true, predicted)
    rows = sorted(found.rows, key=lambda row: (-row.support, row.type))
    cells = [
        [r.type or "-", *_numbers(r.precision, r.recall, r.f1), f"{r.support:,}", f"{r.predicted:,}"] for r in rows
    ]
    total = ["all", *_numbers(found.precision, found.recall, found.f1)]
    total += [f"{sum(getattr(row, name) for row in rows):,}" for name in ("support", "predicted")]
    return report.Table(
        "Spans",
        ["type", "precision", "recall", "F1", "there are", "predicted"],
        [*cells, total],
        "A span counts as found if its start, its end and its type are right.",
    )


def _numbers(*values: float) -> list[str]:
    return [f"{value:.4f}" for value in values]


def _sentences(part: TagPart, true: list[list[str]], predicted: list[list[str]]) -> report.Table:
    """Some sentences, tokens over their tags: the first ones with a mistake, then the first ones without."""
    wrong = [row for row in range(len(true)) if true[row] != predicted[row]]
    right = [row for row in range(len(true)) if true[row] == predicted[row]]
    kept = wrong[: SENTENCES // 2]
    kept += right[: SENTENCES - len(kept)]
    rows: list[list[str]] = []
    for row in sorted(kept):
        tokens = part.sentences[row].tokens
        marked = [g if g == t else f"{MISTAKE} {g}" for t, g in zip(true[row], predicted[row], strict=True)]
        for start in range(0, len(tokens), BAND):
            band = slice(start, start + BAND)
            pad = [""] * (BAND - len(tokens[band]))
            rows += [
                ["token", *tokens[band], *pad],
                ["tag", *true[row][band], *pad],
                ["predicted", *marked[band], *pad],
            ]
        rows.append([""] * (BAND + 1))
    return report.Table(
        "Sentences",
        [""] * (BAND + 1),
        rows[:-1],
        f"{len(right):,} of {len(true):,} sentences are right throughout. {MISTAKE} marks a mistake.",
    )
