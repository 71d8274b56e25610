"""Scores of forecasts, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recurra.errors import ShapeError
from recurra.metrics import forecast as m

NAN = math.nan


def test_errors_by_hand() -> None:
    true, found = [1.0, 2.0, NAN, 4.0], [2.0, 2.0, 9.0, 2.0]
    assert m.mean_absolute_error(true, found) == 1.0
    assert m.mean_squared_error(true, found) == pytest.approx(5 / 3)
    assert m.root_mean_squared_error(true, found) == pytest.approx(math.sqrt(5 / 3))
    assert m.symmetric_percentage_error([1.0, 0.0], [3.0, 0.0]) == 50.0


def test_scaled_error_by_hand() -> None:
    history = [1.0, 2.0, 3.0, 5.0, 4.0]  # changes over 2 steps: 2, 3, 1
    assert m.seasonal_scale(history, 2) == 2.0
    assert m.scaled_error([6.0, 8.0], [5.0, 5.0], history, 2) == 1.0
    assert math.isnan(m.scaled_error([6.0], [5.0], [3.0, 3.0, 3.0], 1))
    assert math.isnan(m.seasonal_scale([1.0], 2))


def test_pinball_and_coverage_by_hand() -> None:
    quantiles = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    assert m.pinball_loss([1.0, 4.0], quantiles, [0.1, 0.5, 0.9]) == pytest.approx((0.1 + 0.1 + 0.4 + 1.5 + 1.8) / 6)
    assert m.coverage([1.0, 4.0, NAN], [0.0, 0.0, 0.0], [2.0, 2.0, 2.0]) == 0.5


def test_shapes() -> None:
    with pytest.raises(ShapeError, match="alike"):
        m.mean_absolute_error([1.0], [1.0, 2.0])
    with pytest.raises(ShapeError, match="quantiles"):
        m.pinball_loss([1.0], [[1.0]], [0.1, 0.5])
    assert math.isnan(m.mean_absolute_error([NAN], [1.0]))
