"""What the report of a model of frames shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recurra import metrics
from recurra.errors import shortened
from recurra.report.sections import Cell, Column, Columns, Picture, Pictures, Section, Table
from recurra.tasks.confusion import confusion
from recurra.tasks.frames.data import Part
from recurra.tasks.frames.picture_views import of_clip, of_clip_labels, of_many
from recurra.tasks.frames.preprocessor import FramesPreprocessor
from recurra.tasks.sequences.pictures import of_labels, of_sequence
from recurra.tasks.sequences.sound.pictures import MOST_BYTES, of_events, of_recording

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

PAIRS, WRONG = 10, 10
"""Most confused pairs; sequences of which it was surest, and wrong."""
SHOWN = 24
"""Pictures beside each other."""
DRAWN = 6
"""Sequences that are drawn."""
MOST_CLASSES = 40
"""With more, the confusion matrix is not drawn."""


def sections(part: Part, made: FramesPreprocessor, logs: Floats) -> list[Section]:
    """logs: log-probabilities [N, C] of the part's sequences, or of its frames"""
    predicted, classes = logs.argmax(1), made.classes
    found: list[Section] = [
        *([confusion("Confusion matrix", part.targets, predicted, classes)] if len(classes) <= MOST_CLASSES else []),
        _each_class(part, predicted, made),
        _confused(part, predicted, classes),
    ]
    if made.per_frame:
        return [_over_time(part, made, predicted), *found, _worst_sequences(part, predicted)]
    wrong = np.flatnonzero(predicted != part.targets)
    surest = wrong[np.argsort(-logs[wrong].max(1), kind="stable")]
    drawn = _mosaic if made.picture is not None and made.picture.rows else _drawn
    return [*found, _surely_wrong(part, classes, predicted, logs, surest), drawn(part, made, predicted, logs, surest)]


def _each_class(part: Part, predicted: Int64, made: FramesPreprocessor) -> Table:
    found = metrics.per_class(part.targets, predicted, made.classes)
    rows: dict[bool, list[list[Cell]]] = {True: [], False: []}
    for row in sorted(found, key=lambda row: (-row.support, row.name)):
        rows[row.f1 > 0].append([row.name, row.support, row.precision, row.recall, row.f1, row.f1])
    never = len(rows[False])
    counted = "Frames" if made.per_frame else "Sequences"
    columns = [Column(title, "number") for title in (counted, "Precision", "Recall", "F1")]
    return Table(
        "Each class",
        ["Class", *columns, Column("", "bar")],
        rows[True],
        folded=rows[False],
        folded_as=f"{never:,} {'class' if never == 1 else 'classes'} that it never got right",
    )


def _confused(part: Part, predicted: Int64, classes: list[str]) -> Table:
    rows: list[list[Cell]] = [
        [pair.true, pair.predicted, f"{pair.count:,} of {round(pair.count / pair.share):,}"]
        for pair in metrics.most_confused(part.targets, predicted, classes, top=PAIRS)
    ]
    return Table("Most confused pairs", ["True class", "Taken for", Column("Times", "number")], rows)


def _place(part: Part, number: int) -> str:
    one = part.sequences[number]
    return f"{one.file.name}:{one.line}" if one.line else one.file.name


def _surely_wrong(part: Part, classes: list[str], predicted: Int64, logs: Floats, surest: Int64) -> Table:
    rows: list[list[Cell]] = [
        [
            part.sequences[i].name,
            classes[part.targets[i]],
            classes[predicted[i]],
            f"{np.exp(logs[i].max()):.3f}",
            len(part.sequences[i]),
            _place(part, int(i)),
        ]
        for i in surest[:WRONG]
    ]
    columns: Columns = [
        "Sequence",
        "True class",
        "Taken for",
        Column("Probability", "number"),
        Column("Frames", "number"),
        Column("Where", "code"),
    ]
    return Table(
        "Surest mistakes",
        columns,
        rows,
        f"{len(surest):,} of {len(part):,} are wrong; these are the ones that it was surest of. Some may be labelled "
        "wrongly.",
    )


def _drawn(part: Part, made: FramesPreprocessor, predicted: Int64, logs: Floats, surest: Int64) -> Pictures:
    """The surest mistakes, then one right sequence of each class."""
    right = [np.flatnonzero((part.targets == k) & (predicted == k))[:1] for k in range(len(made.classes))]
    chosen = np.concatenate([surest[: DRAWN // 2], *right])[:DRAWN]
    pictures = []
    for i in chosen.tolist():
        true, guess = made.classes[part.targets[i]], made.classes[predicted[i]]
        said = f"{true}, as it says" if true == guess else f"{true}, taken for {guess}"
        title = f"{part.sequences[i].name}: {said} ({np.exp(logs[i].max()):.2f})"
        if made.picture is not None:
            pictures.append(of_clip(part.sequences[i], made.picture, title, f"sequence-{i}"))
        elif made.sound is not None:
            pictures.append(of_recording(part.sequences[i], made.sound, title, f"sequence-{i}"))
        else:
            pictures.append(of_sequence(part.sequences[i], made.channels, title, f"sequence-{i}"))
    note = f"{int(min(len(surest), DRAWN // 2))} mistakes first, then one right sequence of some classes."
    return Pictures(
        "Clips" if made.picture is not None else "Recordings" if made.sound is not None else "Sequences",
        pictures,
        (note if len(surest) else "One right sequence of some classes.") + _heard(made),
    )


def _mosaic(part: Part, made: FramesPreprocessor, predicted: Int64, logs: Floats, surest: Int64) -> Picture:
    """Pictures: the surest mistakes, without any the least sure right ones."""
    assert made.picture is not None
    unsure = np.argsort(logs.max(1), kind="stable")
    chosen = (surest if len(surest) else unsure)[:SHOWN]
    pictures = []
    for i in chosen.tolist():
        true, guess = made.classes[part.targets[i]], made.classes[predicted[i]]
        words = f"{shortened(true, 8)}, not {shortened(guess, 8)}" if true != guess else shortened(true, 16)
        pictures.append((made.picture.pictures(np.asarray(part.sequences[i].values, np.uint8))[0], words))
    if len(surest):
        return of_many(pictures, "Mistakes as pictures", "The true class, not what it was taken for; surest first.")
    return of_many(pictures, "Pictures", "All are right; these are the ones that it was least sure of.")


def _over_time(part: Part, made: FramesPreprocessor, predicted: Int64) -> Pictures:
    """Labels of frames beside the truth: the sequences with most mistakes."""
    shares, starts = _errors(part, predicted)
    pictures: list[Picture] = []
    for i in np.argsort(-shares, kind="stable")[:DRAWN].tolist():
        guess = predicted[starts[i] : starts[i] + len(part.sequences[i])]
        title = f"{part.sequences[i].name}: {1 - shares[i]:.1%} of {len(guess):,} frames are right"
        if made.picture is not None:
            shown = of_clip_labels(
                part.sequences[i], made.picture, part.labels[i], guess, made.classes, title, f"labels-{i}"
            )
        elif made.sound is not None:
            shown = of_events(part.sequences[i], made.sound, part.labels[i], guess, made.classes, title, f"labels-{i}")
        else:
            shown = of_labels(
                part.sequences[i], part.labels[i], guess, made.channels, made.classes, title, f"labels-{i}"
            )
        pictures.append(shown)
    note = f"The sequences with most mistakes; true and predicted labels.{_heard(made)}"
    return Pictures("Labels over time", pictures, note)


def _heard(made: FramesPreprocessor) -> str:
    """What is said of recordings that a page plays."""
    if made.sound is None:
        return ""
    longest = MOST_BYTES / 2 / made.sound.rate
    return f" Recordings of up to {longest:.0f} s can be played; the stronger the colour, the louder that pitch."


def _worst_sequences(part: Part, predicted: Int64) -> Table:
    shares, _ = _errors(part, predicted)
    rows: list[list[Cell]] = [
        [part.sequences[i].name, len(part.sequences[i]), float(1 - shares[i]), float(1 - shares[i]), _place(part, i)]
        for i in np.argsort(-shares, kind="stable")[:WRONG].tolist()
    ]
    columns: Columns = [
        "Sequence",
        Column("Frames", "number"),
        Column("Right", "number"),
        Column("", "bar"),
        Column("Where", "code"),
    ]
    return Table("Sequences with most mistakes", columns, rows)


def _errors(part: Part, predicted: Int64) -> tuple[Floats, Int64]:
    """Of each sequence, the share of its frames that are wrong, and where they start in a row of all."""
    lengths = np.array([len(one) for one in part.sequences])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    wrong = (predicted != part.targets).astype(np.float64)
    return np.add.reduceat(wrong, starts) / lengths, starts
