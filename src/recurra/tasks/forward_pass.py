"""One input on its way through a trained model, step by step: what every task's model can say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.tasks.answer import Answer
from recurra.tasks.model import Model, refuse_options

if TYPE_CHECKING:
    from recurra.topologies.beam import Hypothesis
    from recurra.topologies.decoder import Decoder, Reading

Floats = npt.NDArray[np.float32]
BEGIN, END = "<s>", "</s>"
"""Where what is written begins and ends, for people."""


@dataclass(frozen=True)
class ForwardPass:
    """One input of a model, encoded and not read yet.

    run: reads it with the network, once, as in use; steps: for each of the network's recurrent stacks, by the module's
    name, what its steps read, for people; classes: what `probabilities` are of; at: what had been read at each of their
    rows; probabilities: reads it too, [T, C]; None where answers have no classes, and then `why_none` says so; answer:
    what the model says in the end; ended: of one answer for all, its probabilities if the input ended after so many
    steps each; part: of a network that reads forward alone, its steps from one to before another, from the state that
    was there; None where the whole is needed
    """

    run: Callable[[], object]
    steps: Mapping[str, Sequence[str]]
    classes: Sequence[str] = ()
    at: Sequence[str] = ()
    probabilities: Callable[[], Floats] | None = None
    why_none: str = ""
    answer: Callable[[], Answer] = Answer
    ended: Callable[[Sequence[int]], Floats] | None = None
    part: Callable[[int, int, State | None], ForwardPass] | None = None


def only(model: Model, given: Any, options: Mapping[str, Any]) -> Any:
    """The one input that is looked at, checked. Errors: UsageError for several, and for options"""
    refuse_options(model, dict(options))
    found = model.checked(given)
    if len(found) != 1:
        raise UsageError(f"one input is looked at at a time, got {len(found)}")
    return found[0]


def softmax(logits: Tensor) -> Floats:
    """Shapes: [1, T, C] -> [T, C]"""
    return np.asarray(logits[0].float().softmax(-1).cpu().numpy(), np.float32)


def ranked(classes: Sequence[str], chances: Floats) -> list[tuple[str, float]]:
    """Every class with its probability, the most probable first. Shapes: [C]"""
    order = np.argsort(-chances, kind="stable").tolist()
    return [(classes[place], float(chances[place])) for place in order]


@torch.inference_mode()
def written(network: Decoder[Any, Any], read: Callable[[], Reading], best: Hypothesis) -> Tensor:
    """What may be written before each token of what was written, its end among them. Shapes: -> logits [1, T + 1, V]"""
    inputs = torch.tensor([[network.begin, *best.tokens]], device=network.bias.device)
    features, _, reading = network.write(inputs, read())
    return network.outputs(features, reading)
