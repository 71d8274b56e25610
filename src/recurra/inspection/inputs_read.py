"""The states of a classifier or tagger over texts that were held out, and what they are probed for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recurra.errors import DataError
from recurra.inspection.following import FEATURES, Feature
from recurra.inspection.probing import Probing, probe, probe_labels
from recurra.inspection.trace import courses
from recurra.layers.stepping import KeptStreams
from recurra.tasks.abilities import Traceable
from recurra.tasks.probed_inputs import ProbedInput

INPUTS, STEPS = 1500, 20_000
"""Texts that are read, and steps of them all, at most."""
LEAST = 20
"""Texts by which something can be said."""
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class InputsRead:
    """Texts that were read whole.

    states: after each step, by layer as in `Trace.arrays`, of each text [T, H]; tokens: as they stand in a text; ends:
    of each text the last states, of a second direction those at its first token, by layer [N, H]
    """

    states: dict[str, list[Floats]]
    tokens: list[list[str]]
    ends: dict[str, Floats]
    inputs: list[ProbedInput]


@torch.no_grad()
def read_inputs(model: Traceable, network: Any, inputs: Sequence[ProbedInput], steps: int = STEPS) -> InputsRead:
    """Errors: UsageError for a model that cannot be looked into; DataError for fewer than LEAST texts"""
    prepared: KeptStreams = {}
    states: dict[str, list[Floats]] = {}
    ends: dict[str, list[Floats]] = {}
    tokens: list[list[str]] = []
    done: list[ProbedInput] = []
    left = steps
    for one in inputs:
        given = model.forward_pass(one.given)
        found = courses(network, given, given.run, prepared=prepared)
        (read,) = (given.steps[name] for name in found if name == "stack")
        for (course,) in found["stack"]:
            backward = bool(course.direction)
            for state, values in zip(course.cell.states, course.after, strict=True):
                key = f"stack.{state}_l{course.layer}{'_reverse' if backward else ''}"
                numbers = values[0].float().cpu().numpy()
                states.setdefault(key, []).append(numbers)
                ends.setdefault(key, []).append(numbers[0 if backward else -1])
        tokens.append([one.between + token for token in read])
        done.append(one)
        left -= len(read)
        if left <= 0:
            break
    if len(done) < LEAST:
        raise DataError(f"probing needs {LEAST} texts that are held out at least, got {len(done)}")
    return InputsRead(states, tokens, {key: np.stack(rows) for key, rows in ends.items()}, done)


def probe_inputs(read: InputsRead, features: Sequence[Feature] = FEATURES, *, seed: int = 0) -> Probing:
    """Units over the tokens, for their tags too where they have some; at the ends of texts for the texts' labels."""
    tags = sorted({tag for one in read.inputs for tag in one.tags})
    extra = {f"tag {tag}": [np.array([float(own == tag) for own in one.tags]) for one in read.inputs] for tag in tags}
    found = probe(read.states, read.tokens, features, extra=extra, seed=seed)
    labels = [one.label for one in read.inputs]
    if len(set(labels)) < 2:
        return found
    return found.beside(probe_labels(read.ends, labels, seed=seed))
