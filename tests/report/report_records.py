"""Records that look like real runs, made from arithmetic."""

from __future__ import annotations

import math

from recurra.report.metric import Metric
from recurra.report.record import Baseline, DataDescription, DataFile, Point, RunRecord
from recurra.report.sections import (
    Column,
    Curves,
    Line,
    Matrix,
    Sample,
    Samples,
    Section,
    Sequence,
    Sequences,
    Table,
    Token,
)

ROWS = [
    Metric("accuracy", "Accuracy", "accuracy", "%", "higher"),
    Metric("balanced_accuracy", "Balanced accuracy", "balanced", "%", "higher"),
    Metric("macro_f1", "Macro-F1", "macro-F1", "", "higher"),
    Metric("loss", "Loss", "loss", "nats per example", "lower"),
]
TEXT_ROWS = [
    Metric("nats_per_character", "Nats per character", "nats", "nats per character", "lower"),
    Metric("bits_per_character", "Bits per character", "bits", "bits per character", "lower"),
    Metric("perplexity", "Perplexity", "perplexity", "", "lower"),
    Metric("loss", "Loss", "loss", "nats per character", "lower"),
]

LANGUAGES = (
    "Arabic Chinese Czech Dutch English French German Greek Irish Italian Japanese Korean Polish Portuguese"
    " Russian Scottish Spanish Vietnamese"
).split()
LSTM = [
    "i = sigmoid(W.i @ x + R.i @ h + b.i)",
    "f = sigmoid(W.f @ x + R.f @ h + b.f)",
    "g = tanh(W.g @ x + R.g @ h + b.g)",
    "o = sigmoid(W.o @ x + R.o @ h + b.o)",
    "c' = f * c + i * g",
    "h' = o * tanh(c')",
]
LSTM_LATEX = [
    r"i_t &= \sigma(W_{i}\,x_t + R_{i}\,h_{t-1} + b_{i}) \\",
    r"f_t &= \sigma(W_{f}\,x_t + R_{f}\,h_{t-1} + b_{f}) \\",
    r"g_t &= \tanh(W_{g}\,x_t + R_{g}\,h_{t-1} + b_{g}) \\",
    r"o_t &= \sigma(W_{o}\,x_t + R_{o}\,h_{t-1} + b_{o}) \\",
    r"c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\",
    r"h_t &= o_t \odot \tanh(c_t)",
]


def history(count: int, start: float, end: float, seconds: float) -> list[Point]:
    """A falling training loss and a validation loss that turns up again near the end."""
    points = []
    for index in range(1, count + 1):
        done = index / count
        train = end * 0.75 + (start - end) * math.exp(-5 * done)
        validation = end + (start - end) * math.exp(-5.5 * done) + 0.12 * end * max(0.0, done - 0.7)
        points.append(
            Point(
                epoch=float(index),
                step=120 * index,
                seconds=seconds * done,
                train_loss=train,
                validation_loss=validation,
                validation_metrics={"accuracy": 1 - validation / 4},
                learning_rate=0.004 * 0.5 * (1 + math.cos(math.pi * done)),
                gradient_norm=0.4 + 0.8 * done + 0.15 * math.sin(9 * index),
            )
        )
    return points


def sections(classes: list[str], confusion: list[list[int]]) -> list[Section]:
    """What a classifier shows: matrix, scores with folded rows, pairs with quotes, a curve, coloured tokens."""
    count = len(classes)
    scores = []
    for index, name in enumerate(classes):
        right, support = confusion[index][index], sum(confusion[index])
        predicted = sum(line[index] for line in confusion)
        precision, recall = right / max(predicted, 1), right / max(support, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        scores.append([name, support, precision, recall, f1, f1])
    pairs = [
        [classes[row], classes[(row + 1) % count], confusion[row][(row + 1) % count], examples]
        for row, examples in ((0, ["Nader", "Sabbag"]), (min(4, count - 1), ["Baker", "Lang", "Held", "王小明"]))
    ]
    numbers = [Column(name, "number") for name in ("Examples", "Precision", "Recall", "F1")]
    at = [0.05 + 0.1 * step for step in range(10)]
    return [
        Matrix("Confusion matrix", classes, confusion),
        Table(
            "Each class",
            ["Class", *numbers, Column("", "bar")],
            scores,
            folded=[["Klingon", 3, 0.0, 0.0, 0.0, 0.0]],
            folded_as="1 class that was never right",
        ),
        Table(
            "Most confused pairs",
            ["True class", "Taken for", Column("Times", "number"), Column("For example", "quotes")],
            pairs,
        ),
        Curves(
            "Reliability",
            [
                Line("right every time that it says", [0, 1], [0, 1], dashed=True),
                Line("this model", at, [p**1.3 for p in at]),
            ],
            "said",
            "was right",
            square=True,
        ),
        Sequences(
            "Sentences",
            [Sequence([Token("Anna", "B-PER"), Token("wohnt"), Token("in"), Token("Ulm", "O", "bad")], "test.txt:3")],
        ),
    ]


def classifier(classes: list[str] | None = None, scale: int = 1) -> RunRecord:
    """A surname classifier over `classes`, by default 18 languages."""
    classes = LANGUAGES if classes is None else classes
    count = len(classes)
    confusion = []
    for row in range(count):
        support = scale * (8 + (row * 37) % 61 + 240 * (row % 7 == 4))
        line = [0] * count
        for step, share in ((1, 0.09), (3, 0.05), (7, 0.02)):
            line[(row + step) % count] += round(support * share)
        line[row] += support - sum(line)
        confusion.append(line)
    points = history(24, 2.6, 0.55, 41.7)
    return RunRecord(
        title="Which language is this surname from?",
        task="classify",
        command="recurra train ../shared/data/names --seed 0 --out runs/names",
        created="2026-03-02 14:05",
        cell="lstm",
        metrics={"accuracy": 0.8472, "balanced_accuracy": 0.612, "macro_f1": 0.6031},
        metric_rows=ROWS,
        parameters=146_706,
        size_bytes=588_112,
        seconds=41.7,
        engine="vendor (oneDNN)",
        device="cpu",
        threads=2,
        history=points,
        best=points[18],
        chosen_by=["accuracy", "loss"],
        ended="All 24 epochs were trained.",
        baselines=[
            Baseline("majority class", {"accuracy": 0.468, "balanced_accuracy": 1 / 18, "macro_f1": 0.035}, 12, 0.0),
            Baseline(
                "naive Bayes on 1-3 characters",
                {"accuracy": 0.791, "balanced_accuracy": 0.588, "macro_f1": 0.611},
                1_210_400,
                0.31,
            ),
        ],
        sections=sections(classes, confusion),
        equations=LSTM,
        equations_latex=LSTM_LATEX,
        equations_source="Hochreiter & Schmidhuber 1997",
        settings={
            "model": {"cell": "lstm", "hidden_size": 128, "layers": 1, "bidirectional": True, "embedding_size": 32},
            "training": {
                "optimizer": "adamw",
                "learning_rate": 0.004,
                "clip": 1.0,
                "epochs": 24,
                "batch_size": 64,
                "seed": 0,
                "resume": None,
            },
            "data": {"fractions": [0.8, 0.1, 0.1], "normalize": ["nfc"], "level": "char"},
        },
        defaults={
            "model": {"cell": "gru", "hidden_size": 128, "layers": 1, "bidirectional": True, "embedding_size": 32},
            "training": {
                "optimizer": "adamw",
                "learning_rate": 0.004,
                "clip": 1.0,
                "epochs": 12,
                "batch_size": 64,
                "seed": 0,
                "resume": None,
            },
            "data": {"fractions": [0.8, 0.1, 0.1], "normalize": [], "level": None},
        },
        data=DataDescription(
            name="names",
            files=[
                DataFile(f"{name}.txt", f"{index:02x}" * 32, 900 + 77 * index) for index, name in enumerate(classes)
            ],
            counts={"train": 13_932, "validation": 1_741, "test": 1_742},
            facts={"vocabulary, characters": "86", "unknown in test": "0.02 %", "repeats dropped": "2,659"},
        ),
        notes=[
            "The validation part chose the epoch; the test part was looked at once, after that.",
            "Names that belong to several languages count as errors in all but one of them.",
        ],
        versions={"recurra": "0.1.0", "torch": "2.13.0", "python": "3.12.4"},
    )


def language_model() -> RunRecord:
    """A character model of plays with 65 characters."""
    points = history(30, 3.3, 1.49, 119.6)
    text = (
        "\nWhat, shall I speak of this? The morning's eye\nHath lent me breath to say thee nay, good sir.\n\nJULIET:\n"
    )
    text += "Then be thou gone; the hour is <short> & cold,\nAnd I have </pre> words enough to fill the night.\n"
    return RunRecord(
        title="shakespeare",
        task="language",
        command="recurra train input.txt --minutes 2 --out shakespeare",
        created="2026-03-02 14:11",
        cell="lstm",
        metrics={"nats_per_character": 1.4931, "bits_per_character": 2.154, "perplexity": 4.451},
        metric_rows=TEXT_ROWS,
        chosen_by=["loss"],
        evaluated_on="validation",
        parameters=1_182_785,
        size_bytes=4_732_008,
        seconds=119.6,
        engine="vendor (oneDNN)",
        device="cpu",
        threads=2,
        history=points,
        best=points[-6],
        baselines=[
            Baseline(f"Kneser-Ney {n}-gram", {"nats_per_character": v, "perplexity": math.exp(v)}, size, seconds)
            for n, v, size, seconds in ((2, 2.471, 21_000, 0.4), (3, 2.066, 160_200, 0.9), (5, 1.664, 3_911_000, 2.6))
        ],
        sections=[
            Samples(
                "Samples",
                [
                    Sample(text, "ROMEO:", "Temperature 0.5"),
                    Sample(text[:-60], "ROMEO:", "Temperature 0.8"),
                    Sample("白日依山尽，黄河入海流。", "", "Temperature 1"),
                ],
            ),
        ],
        equations=LSTM,
        equations_latex=LSTM_LATEX,
        equations_source="Hochreiter & Schmidhuber 1997",
        settings={"model": {"cell": "lstm", "hidden_size": 512}, "training": {"minutes": 2.0, "bptt": 128}},
        data=DataDescription(
            name="input.txt",
            files=[DataFile("input.txt", "5a" * 32, 1_115_394)],
            counts={"train": 1_003_854, "validation": 111_540},
            unit="characters",
            facts={"vocabulary, characters": "65"},
        ),
        notes=["The validation part chose the weights, so its figure is a little kind."],
        versions={"recurra": "0.1.0", "torch": "2.13.0"},
    )
