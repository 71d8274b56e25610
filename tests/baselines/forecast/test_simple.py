"""Naive forecasts, ridge regression and perceptrons."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.baselines.forecast import classical
from recurra.baselines.forecast.drawn_perceptron import DrawnPerceptron, draw, hidden
from recurra.baselines.forecast.naive import drift, last_value, seasonal_naive
from recurra.baselines.forecast.perceptron import fit_perceptron
from recurra.baselines.forecast.ridge import fit_path

HISTORY = np.array([np.nan, 1.0, 2.0, 4.0, 3.0, np.nan])


def test_naive_forecasts_by_hand() -> None:
    assert last_value(HISTORY, 2).tolist() == [3, 3]
    assert seasonal_naive(HISTORY, 5, 3).tolist() == [4, 3, 3, 4, 3]
    assert seasonal_naive(HISTORY[:2], 2, 3).tolist() == [1, 1]
    assert drift(np.array([1.0, 5.0, 3.0]), 2).tolist() == [4, 5]


def test_ridge_is_the_normal_equations() -> None:
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(50, 4)), rng.normal(size=(50, 2))
    for found in fit_path(inputs, targets, (0.0, 0.3)):
        centred = inputs - inputs.mean(0)
        gram = centred.T @ centred / 50 + found.alpha * np.eye(4)
        weight = np.linalg.solve(gram, centred.T @ (targets - targets.mean(0)) / 50)
        assert np.allclose(found.weight, weight)
        assert np.allclose(found.predict(inputs).mean(0), targets.mean(0))


def test_a_perceptron_learns_and_is_the_same_again() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(200, 3))
    targets = np.tanh(inputs[:, :1] + inputs[:, 1:2])
    targets[0] = np.nan
    one, two = (fit_perceptron(inputs, targets, (inputs, targets), hidden=(16,), steps=100) for _ in range(2))
    assert (one.predict(inputs) == two.predict(inputs)).all()
    assert np.nanmean(np.abs(one.predict(inputs) - targets)) < 0.2


def test_a_drawn_perceptron_learns_what_bends_and_reads_no_constant_column() -> None:
    rng = np.random.default_rng(0)
    inputs = np.column_stack([rng.uniform(-2, 2, 300), np.full(300, 7.0)])
    targets = inputs[:, :1] ** 2
    weight, bias = draw(inputs, 40, 0)
    assert (weight[1] == 0).all()
    output = min(fit_path(hidden(inputs, weight, bias), targets), key=lambda one: one.alpha)
    made = DrawnPerceptron.of(weight, bias, output, targets)
    found = made.predict(np.column_stack([inputs[:, 0], np.full(300, -50.0)]))
    assert np.abs(found - targets).max() < 0.05
    far = made.predict(np.array([[50.0, 7.0], [-50.0, 7.0]]))
    assert ((targets.min() <= far) & (far <= targets.max())).all()


@pytest.mark.slow
@pytest.mark.skipif(not classical.installed(), reason="needs the extra `classical`")
def test_classical_forecasts_of_a_wave() -> None:
    wave = 10 + np.sin(2 * np.pi * np.arange(60) / 12)
    (found,) = classical.classical_forecasts("AutoTheta", iter([wave]), 12, 12)
    assert np.abs(found - wave[:12]).max() < 0.3
