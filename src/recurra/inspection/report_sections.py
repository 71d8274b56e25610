"""What a report shows of a model's inside, within a time and a size."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recurra.errors import DataError, RecurraError, UsageError
from recurra.inspection.attribution import attribute
from recurra.inspection.diagnosis_pictures import draw_training
from recurra.inspection.embedding_pictures import draw_vectors
from recurra.inspection.explained import drawings, graph
from recurra.inspection.inputs_read import probe_inputs, read_inputs
from recurra.inspection.probing import Probing, probe
from recurra.inspection.stretches import WARM, states_of
from recurra.inspection.trace import Trace, trace
from recurra.inspection.trace_pictures import lively
from recurra.report.sections import Coloured, Column, Picture, Pictures, Section, Shades, Table, Text
from recurra.tasks.abilities import Attributable, HavingVectors, Probed, ShowingInputs, Stretching, Traceable
from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.model import Model
from recurra.tasks.own_inputs import OwnInput
from recurra.tasks.task import Dataset, Task
from recurra.topologies.ensembles import Ensemble
from recurra.training.watch.record import Watched

ATTRIBUTED, LOOKED = 3, 1
"""Inputs whose answers are attributed, and whose gates are drawn."""
STEPS, UNITS, TOKENS, COLOURED = 60, 6, 40, 300
"""Steps of a heat map, its units, steps of an input that is attributed, tokens of a coloured text."""
PROBED = (16, 300)
"""Stretches of held-out text that units are probed on, and their tokens."""
NUMBERS = 1 << 18
"""Of an input that is attributed, times its scores: those of clips take longer than a report may."""
FOLLOWED = 3
"""Units that a text is coloured by."""

Maker = Callable[[], list[Section]]


def inside(
    task: Task,
    dataset: Dataset[Any],
    model: Model,
    watched: Watched | None,
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[list[Section], list[str]]:
    """Sections of a model's inside and what was left out, in words: each begins while there are seconds left.

    watched: of the training, if it was
    """
    begun, made, left_out = clock(), [], []
    single = not isinstance(model.network, Ensemble)
    makers: list[tuple[str, Maker]] = [("drawings of the network", lambda: _network(dataset, model))]
    if watched is not None and watched.looks:
        seen = watched
        makers.append(("the gradient over the training", lambda: _training(seen)))
    inputs = _Inputs(task, dataset)
    if isinstance(task, ShowingInputs) and isinstance(model, Attributable):
        makers.append(("what answers are due to", lambda: _attributed(model, inputs)))
    if single and isinstance(task, ShowingInputs):
        if isinstance(model, Stretching):
            makers.append(("what units follow", lambda: _probed(dataset, model)))
            makers.append(("text by probability and units", lambda: _coloured(model, inputs)))
        elif isinstance(task, Probed) and isinstance(model, Traceable):
            makers.append(("what units follow", lambda: _probed_inputs(task, dataset, model)))
        if isinstance(model, Traceable):
            makers.append(("gates and states", lambda: _traced(model, inputs)))
    if single and isinstance(model, HavingVectors):
        makers.append(("token vectors", lambda: _vectors(dataset, model)))
    for name, make in makers:
        if clock() - begun >= seconds:
            left_out.append(name)
            continue
        made += make()
    return made, left_out


class _Inputs:
    """Inputs of the run's own held-out data, asked for once."""

    def __init__(self, task: Task, dataset: Dataset[Any]) -> None:
        self.task, self.dataset = task, dataset
        self._found: list[OwnInput] | None = None

    def some(self, count: int) -> list[OwnInput]:
        if self._found is None:
            assert isinstance(self.task, ShowingInputs)
            self._found = self.task.own_inputs(self.dataset, self.dataset.evaluated_on, ATTRIBUTED)
        return self._found[:count]


def _network(dataset: Dataset[Any], model: Model) -> list[Section]:
    try:
        drawn: list[Section] = [drawings(model.network, "The network")]
    except UsageError:  # a task from elsewhere, whose network nobody has drawn yet
        drawn = []
    return [*drawn, graph(dataset.settings.network.cell)]


def _training(watched: Watched) -> list[Section]:
    note = (
        "How much of the last step's gradient arrives so many steps back, at the first look, halfway and at the end; "
        "and over the training the gradient's norm before clipping and how far back a hundredth of it reaches."
    )
    return [Picture("Gradient flow over the training", draw_training(watched), note=note)]


def _short(given: Any) -> Any:
    """An input whose attribution takes no long time: a text is cut to so many words or letters."""
    if not isinstance(given, str) or len(given) <= TOKENS:
        return given
    words = given.split()
    return " ".join(words[:TOKENS]) if len(words) > TOKENS // 8 else given[:TOKENS]


def _attributed(model: Model, inputs: _Inputs) -> list[Section]:
    pictures, refused = [], []
    assert isinstance(model, Attributable)
    for one in inputs.some(ATTRIBUTED):
        try:
            given = model.differentiable(_short(one.given), **one.options)
            if given.point.numel() * len(given.targets) > NUMBERS:
                refused.append(
                    f"{one.name}: {len(given.targets)} scores by {given.point.numel():,} numbers; recurra attribute"
                )
                continue
            found = attribute(model.network, given)
        except RecurraError as error:  # too long to be attributed whole, or a score that jumps
            refused.append(f"{one.name}: {error}")
            continue
        pictures.append(Picture(one.name, found.plot()))
    note = (
        "Integrated gradients: what each step of an input adds to the score of the answer, from a baseline on; the "
        "sums were checked within 1 %."
    )
    title = "What answers are due to"
    left_out = [Text("Answers that are not attributed", refused)] if refused else []
    return [Pictures(title, pictures, note=note), *left_out]


def _probed(dataset: Dataset[Any], model: Model) -> list[Section]:
    """What single units of a language model follow, and a text coloured by the most telling one."""
    assert isinstance(model, Stretching)
    try:
        states, texts = states_of(model, dataset.held_out, rows=PROBED[0], length=PROBED[1])
    except DataError:  # too little text for halves
        return []
    found = probe(states, texts, warm=WARM)
    return _followed(found, states, texts, "on one half of held-out text")


def _probed_inputs(task: Probed, dataset: Dataset[Any], model: Model) -> list[Section]:
    """The same of a classifier or tagger, over texts of their own."""
    assert isinstance(model, Traceable)
    count, steps = PROBED
    try:
        read = read_inputs(
            model, model.network, task.probed_inputs(dataset, dataset.evaluated_on, steps), count * steps
        )
    except DataError:  # too few texts
        return []
    found = probe_inputs(read)
    place = max(range(len(read.tokens)), key=lambda k: len(read.tokens[k]))
    states = {key: [rows[place]] for key, rows in read.states.items()}
    return _followed(found, states, [read.tokens[place]], "on every other held-out text", warm=0)


def _followed(
    found: Probing, states: Mapping[str, Any], texts: Sequence[Sequence[str]], where: str, *, warm: int = WARM
) -> list[Section]:
    """The table, and the last text coloured by the most telling unit."""
    if not found.probes:
        return []
    head, *rows = found.rows()
    columns: list[Column | str] = [Column(head[0]), Column(head[1], "number"), Column(head[2], "code")]
    columns += [Column(title, "number") for title in head[3:]]
    left_out = f" Too rare in this text: {', '.join(found.left_out)}." if found.left_out else ""
    note = (
        f"Found {where}, scored on the rest: the mean accuracy on true and on false, of numbers "
        "(R²) the share of the variance. The control gives every token a value at random, once for all its "
        f"occurrences, and is probed likewise (Hewitt & Liang 2019).{left_out}"
    )
    table = Table("What units follow", columns, [list(row) for row in rows], note)
    best, (key, unit) = found.probes[0], found.probes[0].unit
    shades = _of_unit(f"{best.unit_name}: {best.feature}", np.asarray(states[key][-1])[warm : warm + COLOURED, unit])
    tokens = list(texts[-1][warm : warm + COLOURED])
    return [table, Coloured(f"A unit that follows the {best.feature}", tokens, [shades])]


def _coloured(model: Model, inputs: _Inputs) -> list[Section]:
    """A text that the model predicts token by token, by how probable each one was and by what some units do."""
    sections: list[Section] = []
    assert isinstance(model, Stretching)
    for one in inputs.some(LOOKED):
        ids = [int(token) for token in model.vocabulary.encode(one.given)][:COLOURED]
        if not ids:
            continue
        given = model.forward_pass(one.given, **one.options)
        sections.append(
            Coloured(
                "A text by probability and by units",
                [model.piece(token) for token in ids],
                [_by_probability(given, ids), *_by_units(trace(model.network, given), len(ids))],
                note="Blue is probable, or a unit above 0; orange is a unit below 0. The units are those that change "
                "most.",
            )
        )
    return sections


@torch.no_grad()
def _by_probability(given: ForwardPass, ids: list[int]) -> Shades:
    """Of each token how probable it was before it was read."""
    assert given.probabilities is not None
    values, said = [0.0], ["the first token"]
    for before, token in zip(given.probabilities(), ids[1:], strict=False):
        chance, best = float(before[token]), int(before.argmax())
        values.append(chance)
        said.append(f"{chance:.3f}; most probable was {given.classes[best]!r} with {float(before[best]):.3f}")
    return Shades("probability of the token", values, said)


def _by_units(found: Trace, count: int) -> Iterator[Shades]:
    """The units of the last layer's output that change most over the first so many tokens."""
    layer = found.layers[-1]
    values = layer.values[layer.states[0]][:count]
    for unit in lively(values, FOLLOWED).tolist():
        yield _of_unit(f"unit {unit} of {layer.states[0]}, layer {layer.layer + 1}", values[:, unit])


def _of_unit(name: str, values: npt.NDArray[np.floating[Any]]) -> Shades:
    """A unit over the tokens, on the scale of its largest size. Shapes: [T]"""
    column = values.astype(np.float64)
    most = max(1e-9, float(np.abs(column).max()))
    return Shades(name, (column / most).tolist(), [f"{value:+.3f}" for value in column])


def _traced(model: Model, inputs: _Inputs) -> list[Section]:
    assert isinstance(model, Traceable)
    pictures = []
    for one in inputs.some(LOOKED):
        found = trace(model.network, model.forward_pass(_short(one.given), **one.options))
        pictures.append(Picture(one.name, found.plot(units=UNITS, most=STEPS)))
    note = (
        "Each row is a unit of the last layers, each column a step of an input; blue above 0, orange below. The units "
        "are those that change most; all of them: recurra trace."
    )
    return [Pictures("Gates and states", pictures, note=note)]


def _vectors(dataset: Dataset[Any], model: Model) -> list[Section]:
    assert isinstance(model, HavingVectors)
    vectors = model.word_vectors()
    svg, share = draw_vectors(vectors)
    note = f"The first two principal components, which hold {share:.0%} of the variance; of many tokens the first ones."
    return [Picture("Token vectors", svg, note=note)] if svg else []
