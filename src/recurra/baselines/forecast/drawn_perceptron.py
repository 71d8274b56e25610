"""A perceptron of one hidden layer whose hidden weights are drawn, its output a ridge regression in closed form.

What bends in a course is learned in a fraction of a second, without descent; the penalty is chosen as that of any ridge
regression. Source: Rahimi & Recht 2008 (random kitchen sinks); Huang et al. 2006 (extreme learning machines)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recurra.baselines.forecast.ridge import Ridge

Floats = npt.NDArray[np.float64]

GENTLEST, STEEPEST = 0.3, 6.0
"""How steep units are, in deviations of their inputs: some see a straight line, some a step."""


@dataclass(frozen=True)
class DrawnPerceptron:
    """weight [X, U], bias [U] of the hidden layer; output: from its units to the targets; low, high [H]: the least and
    the most that it says, for far from what it has seen its units add up to anything; trained: if by descent
    """

    weight: Floats
    bias: Floats
    output: Ridge
    low: Floats
    high: Floats
    trained: bool = False

    @classmethod
    def of(
        cls, weight: Floats, bias: Floats, output: Ridge, targets: Floats, *, trained: bool = False
    ) -> DrawnPerceptron:
        """Between the least and the most of the targets [N, H] that it was fitted to."""
        return cls(weight, bias, output, targets.min(0), targets.max(0), trained)

    def predict(self, inputs: Floats) -> Floats:
        """Shapes: inputs [N, X] -> [N, H]"""
        return self.bounded(hidden(inputs, self.weight, self.bias))

    def bounded(self, units: Floats) -> Floats:
        """Of what the units say. Shapes: units [N, U] -> [N, H]"""
        return np.clip(self.output.predict(units), self.low, self.high)


def draw(inputs: Floats, units: int, seed: int) -> tuple[Floats, Floats]:
    """Weights [X, U] and biases [U] of tanh units, each of which bends at one of the examples.

    Shapes: inputs [N, X]; a column that never changes is not read
    """
    rng = np.random.default_rng(seed)
    deviation = inputs.std(0)
    read = deviation > 1e-9
    directions = rng.normal(size=(inputs.shape[1], units)) / np.sqrt(max(1, int(read.sum())))
    steepness = np.exp(rng.uniform(np.log(GENTLEST), np.log(STEEPEST), units))
    weight = np.where(read[:, None], directions * steepness / np.where(read, deviation, 1.0)[:, None], 0.0)
    bends = inputs[rng.integers(len(inputs), size=units)]
    return weight, -(bends * weight.T).sum(1)


def hidden(inputs: Floats, weight: Floats, bias: Floats) -> Floats:
    """What the units say. Shapes: inputs [N, X] -> [N, U]"""
    return np.tanh(inputs @ weight + bias)
