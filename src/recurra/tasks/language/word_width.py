"""What suits a model of words for the time that it has: layers, units, rows of a batch, dropouts and the output.

As of characters, see width: a wide network learns more from a token and sees fewer of them. Which is the best follows
from how many it would see, by trainings on public texts (benchmarks/word_sizes.py), and how many is measured.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from recurra.tasks.language.settings import LanguageSettings
from recurra.tasks.language.width import CELLS, SHAPED, Rate
from recurra.tasks.sized import Sized
from recurra.topologies.many_to_many import MANY


class Shape(NamedTuple):
    """A network, the tokens that it has to see to be better than the one before, and the rows of its batches."""

    num_layers: int
    hidden_size: int
    batch_size: int
    enough: float


SHAPES = (
    Shape(1, 128, 32, 0),
    Shape(1, 256, 32, 1.5e6),
    Shape(2, 256, 32, 3e6),
    Shape(2, 512, 64, 9e6),
)
LARGEST = 8
"""Weights of its layers for each token of the text, up to which a network is one for it."""
SAMPLED = 40
"""Words of the text for each of the vocabulary, from which on an output is trained on samples: rare words then stand in
enough of them."""
HELD_BACK = (
    (12.0, {"dropout": 0.45, "input_dropout": 0.2, "weight_dropout": 0.2}),
    (6.0, {"dropout": 0.4, "input_dropout": 0.2, "weight_dropout": 0.1}),
    (3.0, {"dropout": 0.35, "input_dropout": 0.15, "weight_dropout": 0.0}),
    (0.9, {"dropout": 0.2, "input_dropout": 0.1, "weight_dropout": 0.0}),
    (0.0, {"dropout": 0.1, "input_dropout": 0.05, "weight_dropout": 0.0}),
)
"""Dropouts by the passes through the text from which on they are the best."""
FEW, FAST = 500, 8e-3
"""Steps, and the learning rate of Muon where no more fit."""
SIZES = ("num_layers", "hidden_size", "embedding_size", "batch_size", "output", "learning_rate", *HELD_BACK[0][1])
"""Settings that follow the time."""


def suited_words(
    settings: LanguageSettings, fixed: Collection[str], text: int, vocabulary: int, seconds: float, rate: Rate
) -> Sized:
    """What suits so many seconds of training on a text of so many words. fixed: settings that somebody has set"""
    best, wider, measured, passes = settings, None, 0.0, 0.0
    for number, (each, enough) in enumerate(_candidates(settings, fixed, text, vocabulary)):
        tokens, weights = rate(each)
        epochs = each.training.epochs
        seen = min(tokens * seconds, math.inf if epochs is None else epochs * text)
        of_layers = weights - vocabulary * (each.network.embedding_size + 1)
        if number and (seen < enough or of_layers > LARGEST * text):
            wider = each if of_layers <= LARGEST * text else None
            break
        best, measured, passes = each, tokens, seen / text
    held_back = next(values for least, values in HELD_BACK if passes >= least)
    best = best.changed(**{name: value for name, value in held_back.items() if name not in fixed})
    training = best.training
    few = passes * text <= FEW * training.batch_size * (training.bptt or text)
    if few and training.optimizer == "muon" and "learning_rate" not in fixed:
        best = best.changed(learning_rate=FAST)
    groups = {name: value for group in best.groups().values() for name, value in group if name in SIZES}
    beyond = "" if wider is None else f"; {_shape(wider)} are for more time"
    return Sized(
        groups,
        f"{_shape(best)}, batches of {training.batch_size} and dropout {best.network.dropout:g}"
        f"{_more(best)} suit the minutes: {measured:,.0f} tokens a second were measured, {passes:.2g} passes through "
        f"the text{beyond}",
    )


def _candidates(
    settings: LanguageSettings, fixed: Collection[str], text: int, vocabulary: int
) -> Iterator[tuple[LanguageSettings, float]]:
    """The smallest first, each with the tokens that are enough for it; what is fixed is as it is."""
    if "output" not in fixed and vocabulary >= MANY and text >= SAMPLED * vocabulary:
        settings = settings.changed(output="sampled")
    shaped = {*SHAPED, "num_layers", "embedding_size"}
    if settings.network.cell not in CELLS or not shaped.isdisjoint(fixed):
        yield settings, 0.0
        return
    for shape in SHAPES:
        size: dict[str, Any] = {"num_layers": shape.num_layers, "hidden_size": shape.hidden_size}
        rows = settings.training.batch_size if "batch_size" in fixed else shape.batch_size
        yield settings.changed(**size, embedding_size=shape.hidden_size, batch_size=rows), shape.enough


def _shape(settings: LanguageSettings) -> str:
    layers, units = settings.network.num_layers, f"{settings.network.hidden_size} units"
    return units if layers == 1 else f"{layers} layers of {units}"


def _more(settings: LanguageSettings) -> str:
    """Other dropouts, and the output where it is one of samples."""
    network = settings.network
    found = [f"of inputs {network.input_dropout:g}"] if network.input_dropout else []
    found += [f"of recurrent weights {network.weight_dropout:g}"] if network.weight_dropout else []
    output = ", trained on samples of the output," if network.output == "sampled" else ""
    return (f" ({', '.join(found)})" if found else "") + output
