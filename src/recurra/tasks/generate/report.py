"""What the report of a conditioned generator shows."""

from __future__ import annotations

from recurra.report.sections import Cell, Column, Sample, Samples, Section, Table
from recurra.tasks.generate.baselines import ClassGrams
from recurra.tasks.generate.data import GenerateData
from recurra.tasks.generate.samples import (
    Drawn,
    evenly,
    from_grams,
    from_network,
    held_out,
    in_proportion,
    naive_bayes,
    quality,
)
from recurra.topologies.one_to_many import ConditionedDecoder

TEMPERATURE = 0.8
"""Of the samples."""
DRAWN = {"tunes": 100, "texts": 1000}
"""Texts that are drawn to be evaluated."""
CLASSES = 60
"""Conditions of which samples are shown at most, and that are still told apart by naive Bayes."""
SHOWN = 6
"""Samples of each."""
LONG = 60
"""Characters, on average, from which a text is shown by itself."""
GRAMS = 5
"""Order of the n-grams whose texts stand beside the network's."""


def sections(network: ConditionedDecoder, data: GenerateData, part: str, seed: int) -> list[Section]:
    """part: the name of the one whose real texts stand beside those that were drawn"""
    labels = in_proportion(data, DRAWN["tunes" if data.tunes else "texts"])
    grams = ClassGrams.fit(data.parts["train"], data, GRAMS)
    rows = {
        "this model": from_network(network, data, labels, temperature=TEMPERATURE, seed=seed),
        f"Kneser-Ney {GRAMS}-gram of each class": from_grams(grams, data, labels, temperature=TEMPERATURE, seed=seed),
        f"real texts, {part} part": held_out(data, part),
    }
    found: list[Section] = [_qualities(rows, data, len(labels))]
    if len(data.conditions) > CLASSES:
        return found
    letters = sum(map(len, data.parts["train"].texts)) / len(data.parts["train"])
    alone = data.tunes or letters > LONG
    few = evenly(data, len(data.conditions) * (1 if alone else SHOWN))
    drawn = from_network(network, data, few, temperature=TEMPERATURE, seed=seed + 1)
    return [_samples(drawn, data) if alone else _examples(drawn, data), *found]


def _qualities(rows: dict[str, Drawn], data: GenerateData, count: int) -> Table:
    recognise = naive_bayes(data) if 1 < len(data.conditions) <= CLASSES else None
    found = {name: quality(drawn, data, recognise) for name, drawn in rows.items()}
    columns = list(next(iter(found.values())))
    cells: list[list[Cell]] = [
        [name, *(f"{row[c]:.1f}" if c == "characters" else row[c] for c in columns)] for name, row in found.items()
    ]
    note = (
        f"Shares of {count:,} texts drawn at temperature {TEMPERATURE}, their classes as frequent as in training: "
        "taken by naive Bayes for the class they were written for, not in the training part, different from each other."
    )
    if "own_form" in columns:
        note += " Own form: clauses as long, and as many, as in poems of the class."
    heads = [Column(name.replace("_", " ").capitalize(), "number") for name in columns]
    return Table("Are the texts new?", ["", *heads], cells, note, marked=[0])


def _examples(drawn: Drawn, data: GenerateData) -> Table:
    pairs = list(zip(drawn.texts, drawn.labels.tolist(), strict=True))
    rows: list[list[Cell]] = [
        [name, [text for text, label in pairs if label == place]] for place, name in enumerate(data.names())
    ]
    return Table("Samples of each class", ["Class", Column(f"At temperature {TEMPERATURE}", "quotes")], rows)


def _samples(drawn: Drawn, data: GenerateData) -> Samples:
    names = data.names()
    samples = [Sample(text, label=names[label]) for text, label in zip(drawn.texts, drawn.labels.tolist(), strict=True)]
    return Samples("Samples of each class", samples, f"Written by the model at temperature {TEMPERATURE}, unedited.")
