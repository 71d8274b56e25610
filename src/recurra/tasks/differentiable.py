"""One input as something that a score can be differentiated by: what every task's model can say of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from torch import Tensor

from recurra.errors import UsageError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Beside:
    """What is added to the scores beside the vectors: linear, so its parts are exact.

    name: for people; values: of each score what each step adds; rest: what belongs to no step, such as a text's edge;
    constant: its bias, which is there whatever the input; terms: what it reads, with what that adds to the first score,
    the largest first
    Shapes: values [N, T], rest [N], constant [N]
    """

    name: str
    values: Floats
    rest: Floats
    constant: Floats
    terms: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True)
class Differentiable:
    """An input, a baseline, and what the network scores between them.

    steps: what the input's steps are, for people; channels: what its numbers are, none for vectors of tokens; point,
    base: of the input and of the baseline; baseline: the latter in words; score: what is scored, in words; targets: of
    what; parts: names of what the scores are the sum of; scores: of points between; beside: what comes on top
    Shapes: point, base [T, E]; scores [K, T, E] -> [K, N, P]
    """

    steps: Sequence[str]
    point: Tensor
    base: Tensor
    baseline: str
    score: str
    targets: Sequence[str]
    scores: Callable[[Tensor], Tensor]
    parts: Sequence[str]
    channels: Sequence[str] = ()
    beside: Beside | None = None
    at: Sequence[int] = field(default_factory=tuple)
    """Of each score the step that it is of, where it is of one."""
    steep: bool = False
    """Whether scores move fastest beside the baseline, so that most points stand there."""


MOST_TARGETS = 40
"""Scores that are attributed without being asked for one."""


def centred(logits: Tensor, chosen: Tensor | int) -> Tensor:
    """A class's logit above the mean of all: what is added to all alike changes no answer. Shapes: [..., C] -> [...]"""
    return (logits - logits.mean(-1, keepdim=True))[..., chosen].float()


def positions_of(at: int | None, count: int, unit: str) -> list[int]:
    """The steps whose scores are asked for. Errors: UsageError"""
    if at is None:
        if count > MOST_TARGETS:
            raise UsageError(f"of more than {MOST_TARGETS} {unit}s name one: at, a place from 0 to {count - 1}")
        return list(range(count))
    if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < count:
        raise UsageError(f"at must be the place of a {unit}, from 0 to {count - 1}, got {at!r}")
    return [at]
