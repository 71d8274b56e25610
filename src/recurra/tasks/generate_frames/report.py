"""What the report of a generator of frames shows."""

from __future__ import annotations

import numpy as np

from recurra.data.frames.sequences import Frames
from recurra.report.sections import Cell, Column, Picture, Pictures, Section, Table
from recurra.tasks.generate_frames.data import GenerateFramesData
from recurra.tasks.generate_frames.samples import Drawn, from_network, mean_course, quality, real, recogniser
from recurra.tasks.sequences.pictures import of_sequence
from recurra.tasks.sequences.sound.griffin_lim import sound_of
from recurra.tasks.sequences.sound.pictures import of_recording
from recurra.topologies.frame_generator import FrameGenerator

TEMPERATURE = 0.8
"""Of the samples, and what `recurra generate` has."""
DRAWN = 200
"""Sequences that are drawn to be evaluated."""
SHOWN = 10
"""Classes of which sequences are shown."""
MOST_FRAMES = 2000
"""Of a drawn sequence."""


def sections(network: FrameGenerator, data: GenerateFramesData, part: str, seed: int) -> list[Section]:
    """part: the name of the one whose real sequences stand beside those that were drawn"""
    return [_shown(network, data, part, seed + 1), _qualities(network, data, part, seed)]


def _qualities(network: FrameGenerator, data: GenerateFramesData, part: str, seed: int) -> Table:
    labels = np.arange(DRAWN) % len(data.preprocessor.classes)
    drawn = from_network(network, data, labels, temperature=TEMPERATURE, seed=seed, length=_longest(data))
    rows: dict[str, Drawn] = {
        "this model": drawn,
        "mean course of each class": mean_course(data, labels),
        f"real sequences, {part} part": real(data.parts[part]),
    }
    recognise = recogniser(data) if 1 < len(data.preprocessor.classes) <= DRAWN else None
    found = {name: quality(each, data, recognise) for name, each in rows.items()}
    titles = {
        "recognised": "Recognised",
        "from_training": "From the nearest of training",
        "apart": "From each other",
        "length": "Frames",
    }
    columns = list(next(iter(found.values())))
    cells: list[list[Cell]] = [
        [name, *(f"{row[each]:.1f}" if each == "length" else row[each] for each in columns)]
        for name, row in found.items()
    ]
    note = (
        f"{DRAWN} sequences drawn at temperature {TEMPERATURE}, of all classes alike. Recognised: the share that a "
        "logistic regression over real training sequences takes for the class they were drawn for. Distances are root "
        "mean squares of scaled numbers over the course, within a class: drawn ones are new if they are as far from "
        "training as real ones, and as different if they are as far from each other."
    )
    heads = [Column(titles[each], "number") for each in columns]
    return Table("Are the sequences recognised, and new?", ["", *heads], cells, note, marked=[0])


def _shown(network: FrameGenerator, data: GenerateFramesData, part: str, seed: int) -> Pictures:
    """Of each class a drawn sequence and a real one."""
    made, held_out = data.preprocessor, data.parts[part]
    labels = np.arange(min(SHOWN, len(made.classes)))
    drawn = from_network(network, data, labels, temperature=TEMPERATURE, seed=seed, length=_longest(data))
    pictures: list[Picture] = []
    for label, frames in zip(labels.tolist(), drawn.sequences, strict=True):
        values = made.decode(frames)
        samples = None if made.sound is None else sound_of(values, made.sound, seed=seed)
        one = Frames(f"drawn {label}", values, (made.classes[label],), samples=samples)
        pictures.append(_picture(one, data, f"{made.classes[label]}, drawn", f"drawn-{label}"))
        known = np.flatnonzero(held_out.labels == label)[:1]
        pictures += [
            _picture(held_out.sequences[place], data, f"{made.classes[label]}, real", f"real-{label}")
            for place in known.tolist()
        ]
    heard = "" if made.sound is None else " All can be played; the stronger the colour, the louder that pitch."
    note = f"Drawn at temperature {TEMPERATURE}, the first of each class, beside a real one of the {part} part.{heard}"
    return Pictures("Drawn beside real", pictures, note)


def _picture(one: Frames, data: GenerateFramesData, title: str, name: str) -> Picture:
    made = data.preprocessor
    if made.sound is not None:
        return of_recording(one, made.sound, title, name)
    return of_sequence(one, made.channels, title, name)


def _longest(data: GenerateFramesData) -> int:
    return min(MOST_FRAMES, data.preprocessor.longest)
