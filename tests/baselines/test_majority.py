import numpy as np
import pytest

from recurra.baselines.majority import Majority
from recurra.errors import ShapeError


def test_predicts_the_most_frequent_class():
    model = Majority.fit([2, 1, 2, 0], ["a", "b", "c"])
    assert model.label == 2
    np.testing.assert_array_equal(model.predict(["x", ""]), [2, 2])
    assert model.predict([]).shape == (0,)


def test_of_equally_frequent_classes_the_first():
    assert Majority.fit([1, 0], ["a", "b"]).label == 0


def test_labels_are_checked():
    with pytest.raises(ShapeError, match="N >= 1"):
        Majority.fit([], ["a"])
    with pytest.raises(ShapeError, match=r"in 0 .. 0 \(1 classes\), got 1 .. 1"):
        Majority.fit([1], ["a"])
