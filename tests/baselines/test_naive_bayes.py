import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.baselines import naive_bayes
from recurra.baselines.naive_bayes import ALPHA, ALPHA_GRID, CharNaiveBayes
from recurra.errors import ShapeError

TEXTS = ["anna", "nana", "otto", "toto", "t"]
LABELS = [0, 0, 1, 1, 1]
CLASSES = ["a", "o"]


def grams(text, orders):
    edged = ["^", *text, "^"]
    return [tuple(edged[i : i + n]) for n in orders for i in range(len(edged) - n + 1) if n > 1 or edged[i] != "^"]


def slow(texts, labels, count, orders, alpha, asked):
    """The definition with dictionaries."""
    counts = [Counter() for _ in range(count)]
    for text, label in zip(texts, labels, strict=True):
        counts[label].update(grams(text, orders))
    features = set().union(*counts)
    rows = []
    for text in asked:
        row = []
        for c in range(count):
            total = sum(counts[c].values()) + alpha * len(features)
            row.append(math.log((labels.count(c) + alpha) / (len(labels) + alpha * count)))
            row[c] += sum(math.log((counts[c][g] + alpha) / total) for g in grams(text, orders) if g in features)
        rows.append(np.array(row) - np.logaddexp.reduce(row))
    return np.array(rows).reshape(len(asked), count)


words = st.lists(st.text("abc", max_size=5), min_size=1, max_size=8)


@given(words, st.data(), st.lists(st.text("abcd", max_size=5), max_size=4), st.sampled_from([(1, 2, 3), (2,), (1, 4)]))
@settings(max_examples=60, deadline=None)
def test_equals_the_slow_definition(texts, data, asked, orders):
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(texts), max_size=len(texts)))
    if not any(grams(text, orders) for text in texts):
        texts[0] = "abc"
    model = CharNaiveBayes.fit(texts, labels, ["x", "y", "z"], orders, alpha=0.3)
    found = model.predict_log_proba(asked)
    np.testing.assert_allclose(found, slow(texts, labels, 3, orders, 0.3, asked), rtol=1e-9, atol=1e-9)


def test_by_hand():
    # one order: a 2 of 3 in class 0, b 1 of 3; b 1 of 1 in class 1; alpha 1 and two different letters
    model = CharNaiveBayes.fit(["aab", "b"], [0, 1], CLASSES, orders=(1,), alpha=1.0)
    joint = np.array([3 / 5, 1 / 3]) / 2
    np.testing.assert_allclose(np.exp(model.predict_log_proba(["a"]))[0], joint / joint.sum())


def test_learns_and_tells_the_edges_apart():
    model = CharNaiveBayes.fit(TEXTS, LABELS, CLASSES)
    np.testing.assert_array_equal(model.predict(["ana", "tot", "naa"]), [0, 1, 0])
    assert model.predict(["a"]).dtype == np.int64
    ends = CharNaiveBayes.fit(["ab", "ba"], [0, 1], CLASSES, orders=(2,))
    np.testing.assert_array_equal(ends.predict(["a...b", "b...a"]), [0, 1])


def test_what_was_never_seen_says_nothing():
    model = CharNaiveBayes.fit(TEXTS, LABELS, CLASSES, orders=(1,))
    prior = model.predict_log_proba(["", "xyz", "漢字", "\ud800"])
    np.testing.assert_allclose(prior, np.broadcast_to(prior[0], (4, 2)))
    assert np.exp(prior[0, 1]) == pytest.approx((3 + ALPHA) / (5 + 2 * ALPHA))


def test_a_class_without_examples_and_characters_beyond_the_first_plane():
    model = CharNaiveBayes.fit(["😀😀", "漢字"], [0, 2], ["x", "none", "z"])
    np.testing.assert_array_equal(model.predict(["😀", "字"]), [0, 2])
    assert np.isfinite(model.predict_log_proba(["😀"])).all()


def test_no_texts_give_no_rows():
    model = CharNaiveBayes.fit(TEXTS, LABELS, CLASSES)
    assert model.predict([]).shape == (0,)
    assert model.predict_log_proba([]).shape == (0, 2)


def test_alpha_is_chosen_on_the_validation_texts():
    assert CharNaiveBayes.fit(TEXTS, LABELS, CLASSES).alpha == ALPHA
    chosen = CharNaiveBayes.fit(TEXTS, LABELS, CLASSES, validation=(["nan"], [0]))
    assert chosen.alpha == max(ALPHA_GRID)  # all are right: the largest
    fixed = CharNaiveBayes.fit(TEXTS, LABELS, CLASSES, alpha=0.5, validation=(["nan"], [0]))
    assert fixed.alpha == 0.5


def test_texts_scored_in_chunks_are_the_same(monkeypatch):
    model = CharNaiveBayes.fit(TEXTS, LABELS, CLASSES)
    whole = model.predict_log_proba(TEXTS)
    monkeypatch.setattr(naive_bayes, "CHUNK", 8)
    np.testing.assert_array_equal(model.predict_log_proba(TEXTS), whole)


@pytest.mark.parametrize(
    ("texts", "labels", "extra", "message"),
    [
        (["a"], [0, 1], {}, "1 texts and 2 labels"),
        ([], [], {}, "N >= 1"),
        (["a"], [2], {}, r"in 0 .. 1 \(2 classes\), got 2 .. 2"),
        (["a"], [0.5], {}, "got float64"),
        (["a"], [0], {"orders": (0,)}, "orders of 1 and more"),
        (["a"], [0], {"orders": ()}, "orders of 1 and more"),
        (["a"], [0], {"alpha": 0.0}, "alpha above 0, got 0.0"),
        (["a"], [0], {"orders": (4,)}, "no n-grams"),
        ([""], [0], {"orders": (1,)}, "no n-grams"),
    ],
)
def test_what_cannot_be_counted_is_refused(texts, labels, extra, message):
    with pytest.raises(ShapeError, match=message):
        CharNaiveBayes.fit(texts, labels, CLASSES, **extra)
