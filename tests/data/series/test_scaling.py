"""Transforms, scales, filling."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.data.series.scaling import Transform, filled, possible_transforms, scale_of, transform_for
from recurra.errors import DataError, UsageError

VALUES = np.array([4.0, 1.0, 9.0, np.nan])


@pytest.mark.parametrize("name", ["none", "sqrt", "log"])
def test_transforms_go_back(name: str) -> None:
    transform = transform_for(name, [VALUES])  # type: ignore[arg-type]
    assert np.allclose(transform.inverse(transform.forward(VALUES)), VALUES, equal_nan=True)
    assert Transform.from_json(transform.to_json()) == transform


def test_values_outside_of_the_domain_stay_numbers() -> None:
    for transform in possible_transforms([VALUES]):
        assert np.isfinite(transform.forward(np.array([-1.0, 0.0]))).all()


def test_only_possible_transforms() -> None:
    assert [t.name for t in possible_transforms([np.array([0.0, 1.0])])] == ["none", "sqrt"]
    assert [t.name for t in possible_transforms([np.array([-1.0, 1.0])])] == ["none"]
    with pytest.raises(UsageError, match="'log' needs values above 0, the lowest is 0"):
        transform_for("log", [np.array([0.0, 1.0])])
    with pytest.raises(DataError, match="expected a transform"):
        Transform.from_json({"name": "cube"})


def test_scales_are_above_zero() -> None:
    rows = np.array([[1.0, 5.0, 0.0, np.nan], [3.0, 5.0, 0.0, np.nan]])
    assert scale_of(rows).tolist() == [1.0, 0.05, 1.0, 1.0]


def test_missing_values_are_the_last_known_ones() -> None:
    rows = np.array([[np.nan, np.nan], [1.0, np.nan], [np.nan, np.nan], [2.0, np.nan]])
    assert filled(rows).tolist() == [[1, 0], [1, 0], [1, 0], [2, 0]]
