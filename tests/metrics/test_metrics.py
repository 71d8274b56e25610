import math

import numpy as np
import pytest

from recurra.errors import ShapeError
from recurra.metrics import (
    Confusion,
    accuracy,
    balanced_accuracy,
    bits,
    bits_per_token,
    confusion_matrix,
    groups_right,
    macro_f1,
    most_confused,
    per_class,
    perplexity,
)

TRUE = [0, 0, 0, 0, 1, 1, 2, 2]
GUESS = [0, 0, 0, 1, 1, 2, 2, 2]
CLASSES = ["a", "b", "c"]


def test_confusion_matrix_has_truth_in_rows():
    np.testing.assert_array_equal(confusion_matrix(TRUE, GUESS, CLASSES), [[3, 1, 0], [0, 1, 1], [0, 0, 2]])


def test_per_class_by_hand():
    a, b, c = per_class(TRUE, GUESS, CLASSES)
    assert (a.name, a.precision, a.recall, a.support) == ("a", 1.0, 0.75, 4)
    assert a.f1 == pytest.approx(2 * 0.75 / 1.75)
    assert (b.precision, b.recall, b.f1, b.support) == (0.5, 0.5, 0.5, 2)
    assert (c.precision, c.recall, c.support) == (pytest.approx(2 / 3), 1.0, 2)


def test_scalars_by_hand():
    assert accuracy(TRUE, GUESS) == 6 / 8
    assert balanced_accuracy(TRUE, GUESS) == pytest.approx((0.75 + 0.5 + 1) / 3)
    assert macro_f1(TRUE, GUESS) == pytest.approx((6 / 7 + 0.5 + 0.8) / 3)


def test_classes_that_never_occur_are_left_out_of_the_means():
    assert macro_f1([0, 7], [0, 7]) == 1.0
    assert balanced_accuracy([0, 0], [0, 5]) == 0.5
    assert macro_f1([0, 0], [0, 5]) == pytest.approx((2 / 3 + 0) / 2)


def test_a_class_without_truth_or_prediction_has_a_row_of_zeros():
    row = per_class([0], [0], ["a", "b"])[1]
    assert (row.precision, row.recall, row.f1, row.support) == (0.0, 0.0, 0.0, 0)


def test_small_integer_types_do_not_overflow():
    labels = np.full(300, 17, dtype=np.uint8)
    assert confusion_matrix(labels, labels, [str(k) for k in range(18)])[17, 17] == 300


def test_most_confused_orders_pairs_and_leaves_out_what_is_right():
    true = [0] * 6 + [1] * 13
    guess = [0] * 5 + [1] + [0] * 3 + [1] * 9 + [2]
    assert most_confused(true, guess, CLASSES, top=2) == [
        Confusion("b", "a", 3, 3 / 13),
        Confusion("a", "b", 1, 1 / 6),
    ]
    assert len(most_confused(true, guess, CLASSES, top=99)) == 3
    assert most_confused(true, guess, CLASSES, top=0) == []


def test_scores_of_a_million_classes_take_no_memory_of_their_square():
    classes = [str(k) for k in range(1_000_000)]
    true, guess = np.array([5, 5, 999_999]), np.array([5, 7, 7])
    assert macro_f1(true, guess) == pytest.approx((2 / 3) / 3)
    assert balanced_accuracy(true, guess) == pytest.approx(0.25)
    assert per_class(true, guess, classes)[5].recall == 0.5
    assert [(pair.true, pair.predicted) for pair in most_confused(true, guess, classes)] == [
        ("5", "7"),
        ("999999", "7"),
    ]


def test_units():
    assert bits(math.log(2)) == 1.0
    assert bits_per_token(math.log(8)) == pytest.approx(3.0)
    assert perplexity(math.log(50)) == pytest.approx(50)
    assert perplexity(710.0) == math.inf
    assert perplexity(math.inf) == math.inf
    assert math.isfinite(perplexity(709.7))
    assert math.isnan(perplexity(math.nan))


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([], [], "N >= 1"),
        ([0, 1], [0], r"\[2\] and \[1\]"),
        ([[0]], [[0]], r"\[1, 1\]"),
        ([0.0], [0], "true as whole numbers, got float64"),
        ([0], [-1], "predicted from 0, got -1"),
    ],
)
@pytest.mark.parametrize("metric", [accuracy, balanced_accuracy, macro_f1])
def test_inputs_are_checked(metric, true, predicted, message):
    with pytest.raises(ShapeError, match=message):
        metric(true, predicted)


def test_labels_beyond_the_classes_are_refused():
    with pytest.raises(ShapeError, match=r"below 2 .* got 2"):
        confusion_matrix([0, 2], [0, 1], ["a", "b"])
    with pytest.raises(ShapeError, match=r"below 2 .* got 2"):
        most_confused([0, 2], [0, 1], ["a", "b"])
    with pytest.raises(ShapeError, match="top >= 0"):
        most_confused([0], [0], ["a"], top=-1)


def test_groups_are_right_when_all_of_them_is() -> None:
    found = groups_right([0, 1, 0, 1, 1], [0, 1, 0, 0, 1], ["a", "a", "b", "b", "c"])
    assert found == pytest.approx(2 / 3)
    with pytest.raises(ShapeError, match="each of 2 examples, got 1"):
        groups_right([0, 1], [0, 1], ["a"])
