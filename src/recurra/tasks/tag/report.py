"""What the report of a tagger shows: sentences, tags, spans, confusions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from recurra import metrics
from recurra.data.tagged import spans
from recurra.report import sections as report
from recurra.report.sections import Cell, Column, Columns
from recurra.tasks.confusion import confusion
from recurra.tasks.tag.data import TagPart

MOST_TAGS = 40
"""With more, the confusion matrix is not drawn."""
PAIRS, EXAMPLES, AROUND = 10, 5, 4
"""Most confused pairs, the examples of each, and the tokens shown on either side."""
WRONG, RIGHT, LONGEST = 12, 4, 60
"""Sentences with a mistake that are shown, sentences without, and the tokens of each at most."""


def sections(
    part: TagPart, predicted: list[list[str]], tags: Sequence[str], scheme: str | None
) -> list[report.Section]:
    """predicted: the tags of each sentence of the part"""
    true = [list(sentence.tags) for sentence in part.sentences]
    names = [*tags, *sorted({tag for row in true for tag in row} - set(tags))]
    indices = {name: place for place, name in enumerate(names)}
    truth, guess = (np.array([indices[tag] for row in rows for tag in row]) for rows in (true, predicted))
    return [
        _sentences(part, true, predicted),
        *([_span_table(true, predicted)] if scheme else []),
        _each_tag(metrics.per_class(truth, guess, names)),
        _confused(part, true, predicted),
        *([confusion("Confusion matrix", truth, guess, names)] if len(names) <= MOST_TAGS else []),
    ]


def _sentences(part: TagPart, true: list[list[str]], predicted: list[list[str]]) -> report.Sequences:
    """Those with a mistake first, evenly over the part; then some without, folded."""
    wrong = [row for row in range(len(true)) if true[row] != predicted[row]]
    right = [row for row in range(len(true)) if true[row] == predicted[row]]
    shown, fine = (
        [_sentence(part, row, true[row], predicted[row]) for row in _evenly(rows, count)]
        for rows, count in ((wrong, WRONG), (right, RIGHT))
    )
    return report.Sequences(
        "Sentences",
        shown,
        f"{len(right):,} of {len(true):,} sentences are right throughout. Under a token stands its tag; a wrong one is "
        "in colour, with the right tag and what it was taken for.",
        fine,
        f"{len(fine)} sentences that are right",
    )


def _evenly(rows: list[int], count: int) -> list[int]:
    return rows[:: max(1, len(rows) // count)][:count]


def _sentence(part: TagPart, row: int, true: list[str], predicted: list[str]) -> report.Sequence:
    sentence = part.sentences[row]
    tokens = [
        report.Token(token, f"{tag} → {guess}", "bad")
        if tag != guess
        else report.Token(token, "" if tag == spans.OUTSIDE else tag)
        for token, tag, guess in zip(sentence.tokens[:LONGEST], true, predicted, strict=False)
    ]
    return report.Sequence(tokens, f"{sentence.file.name}:{sentence.lines[0]}")


def _each_tag(found: Sequence[metrics.ClassRow]) -> report.Table:
    rows: dict[bool, list[list[Cell]]] = {True: [], False: []}
    for row in sorted(found, key=lambda row: (-row.support, row.name)):
        rows[row.f1 > 0].append([row.name, row.support, row.precision, row.recall, row.f1, row.f1])
    never = len(rows[False])
    columns = [Column(title, "number") for title in ("Tokens", "Precision", "Recall", "F1")]
    return report.Table(
        "Each tag",
        ["Tag", *columns, Column("", "bar")],
        rows[True],
        folded=rows[False],
        folded_as=f"{never:,} {'tag' if never == 1 else 'tags'} that it never got right",
    )


def _confused(part: TagPart, true: list[list[str]], predicted: list[list[str]]) -> report.Table:
    """The pairs most often confused, with examples: the token in brackets, between its neighbours."""
    counts: Counter[tuple[str, str]] = Counter()
    support: Counter[str] = Counter(tag for row in true for tag in row)
    examples: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for sentence, tags, guess in zip(part.sentences, true, predicted, strict=True):
        for place, pair in enumerate(zip(tags, guess, strict=True)):
            if pair[0] != pair[1]:
                counts[pair] += 1
                if len(examples[pair]) < EXAMPLES:
                    before = sentence.tokens[max(0, place - AROUND) : place]
                    after = sentence.tokens[place + 1 :][:AROUND]
                    examples[pair].append(" ".join([*before, f"[{sentence.tokens[place]}]", *after]))
    rows: list[list[Cell]] = [
        [*pair, f"{counts[pair]:,} of {support[pair[0]]:,}", examples[pair]]
        for pair in sorted(counts, key=lambda pair: (-counts[pair], pair))[:PAIRS]
    ]
    columns: Columns = ["True tag", "Taken for", Column("Times", "number"), Column("For example", "quotes")]
    return report.Table("Most confused tags", columns, rows)


def _span_table(true: list[list[str]], predicted: list[list[str]]) -> report.Table:
    found = spans.score(true, predicted)
    numbers = [Column(title, "number") for title in ("Spans", "Predicted", "Precision", "Recall", "F1")]
    rows: dict[bool, list[list[Cell]]] = {True: [], False: []}
    for row in sorted(found.rows, key=lambda row: (-row.support, row.type)):
        cells: list[Cell] = [row.type or "-", row.support, row.predicted, row.precision, row.recall, row.f1, row.f1]
        rows[row.f1 > 0].append(cells)
    support, guessed = (sum(getattr(row, name) for row in found.rows) for name in ("support", "predicted"))
    total: list[Cell] = ["all", support, guessed, found.precision, found.recall, found.f1, found.f1]
    never = len(rows[False])
    return report.Table(
        "Spans",
        ["Type", *numbers, Column("", "bar")],
        [total, *rows[True]],
        "A span counts as found if its start, its end and its type are right.",
        rows[False],
        f"{never:,} {'type' if never == 1 else 'types'} that it never found",
        [0],
    )
