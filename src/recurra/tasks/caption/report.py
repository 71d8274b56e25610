"""What the report of a captioner shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recurra.baselines.neighbours import nearest
from recurra.data.captions.pictures import Captioned
from recurra.data.pictures.decoding import Bytes, read_picture
from recurra.data.pictures.showing import smaller
from recurra.report.sections import Cell, Column, Picture, Pictures, Section, Table
from recurra.report.tiles import Tile, draw_tiles
from recurra.tasks.caption.data import CaptionData, CaptionPart
from recurra.tasks.caption.drawing import attended
from recurra.tasks.caption.model import CaptionModel
from recurra.tasks.decoding.bleu import of_sentence
from recurra.tasks.decoding.spelling import shown
from recurra.topologies.beam import Hypothesis

SAMPLES, LOOKED, EXTREMES, NEAR, NEIGHBOURS = 8, 3, 4, 4, 3
"""Pictures with captions; with attention; best and worst; with their neighbours; neighbours of each."""
SIZE, REFERENCES, NOTHING = 100, 2, np.full((3, 8, 8), 128, np.uint8)
"""Pixels of a picture; what people said that is shown; instead of a picture that is not there."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """The best hypothesis of each picture, and its text."""

    found: list[Hypothesis]
    texts: list[str]


def sections(
    data: CaptionData, part: CaptionPart, model: CaptionModel, answers: Answers, lowercase: bool
) -> list[Section]:
    """Captions beside references, where it looked, best and worst, the nearest training pictures, by length."""
    each = np.array(
        [
            of_sentence(text, row, lowercase=lowercase, cut_by=model.preprocessor.bleu)
            for text, row in zip(answers.texts, part.references, strict=True)
        ]
    )
    chosen = list(range(0, len(part), max(1, len(part) // SAMPLES)))[:SAMPLES]
    there = any(one.path is not None for one in part.items)
    if not there:
        return [_in_words(part, answers, each, chosen)]
    order = np.argsort(-each, kind="stable")
    worst = order[::-1][: min(EXTREMES, len(part) // 2)].tolist()
    found: list[Section] = [
        _shown("What it says", part, answers, each, chosen, "Taken at even distances."),
        _looked(part, model, answers, chosen),
        _shown("Best by BLEU", part, answers, each, order[:EXTREMES].tolist(), "Of single captions, smoothed."),
        _shown("Worst by BLEU", part, answers, each, worst, ""),
        _neighbours(data, part, answers, chosen[:NEAR]),
    ]
    return found


def _pixels(one: Captioned) -> Bytes:
    """A picture made small; it was read before."""
    return NOTHING if one.path is None else smaller(read_picture(one.path).pixels, 2 * SIZE)


def _shown(
    title: str, part: CaptionPart, answers: Answers, each: Floats, indices: Sequence[int], note: str
) -> Pictures:
    pictures = []
    for k in indices:
        one = part.items[k]
        said = "\n".join([answers.texts[k] or "(nothing)", *(f"“{text}”" for text in one.captions[:REFERENCES])])
        svg = draw_tiles([Tile(_pixels(one), said, strong=True)], f"{one.name}: {answers.texts[k]}", size=2 * SIZE)
        pictures.append(Picture(f"{one.name}, BLEU {each[k]:.0f}", svg, answers.texts[k]))
    return Pictures(title, pictures, f"{note} In bold what the model says, in grey what the file does.".strip())


def _in_words(part: CaptionPart, answers: Answers, each: Floats, indices: Sequence[int]) -> Table:
    rows: list[list[Cell]] = [
        [part.items[k].name, answers.texts[k], part.references[k][:REFERENCES], f"{each[k]:.0f}"] for k in indices
    ]
    columns: list[Column | str] = ["Picture", "This model", Column("References", "quotes"), Column("BLEU", "number")]
    return Table("What it says", columns, rows, "Taken at even distances; the pictures themselves are not there.")


def _looked(part: CaptionPart, model: CaptionModel, answers: Answers, indices: Sequence[int]) -> Pictures:
    pictures: list[Picture] = []
    for k in indices:
        found = answers.found[k]
        if found.weights is None or len(pictures) == LOOKED or part.items[k].path is None:
            continue
        tokens = [*(shown(model.vocabulary.tokens[token]) for token in found.tokens), "</s>"]
        svg = attended(_pixels(part.items[k]), tokens, found.weights.numpy().astype(np.float32))
        pictures.append(Picture(part.items[k].name, svg, answers.texts[k]))
    note = (
        "The picture once for each word that was written: bright where the decoder looked, the brightest at the most."
    )
    return Pictures("Where it looked, word by word", pictures, note)


def _neighbours(data: CaptionData, part: CaptionPart, answers: Answers, indices: Sequence[int]) -> Pictures:
    train = data.parts["train"]
    near = nearest(train.vectors(), part.vectors()[np.array(indices, np.int64)], NEIGHBOURS)
    pictures = []
    for k, row in zip(indices, near, strict=True):
        tiles = [Tile(_pixels(part.items[k]), answers.texts[k], strong=True)]
        tiles += [Tile(_pixels(train.items[n]), train.references[n][0]) for n in row]
        names = ", ".join(train.items[n].name for n in row)
        svg = draw_tiles(tiles, f"{part.items[k].name} beside {names}", size=SIZE, columns=NEIGHBOURS + 1)
        pictures.append(Picture(part.items[k].name, svg, answers.texts[k]))
    return Pictures(
        "The nearest training pictures",
        pictures,
        "First the picture and what the model says of it, then the training pictures whose vectors stand nearest, and "
        "what people said of these.",
    )
