import io
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.baselines import kneser_ney
from recurra.baselines.kneser_ney import KneserNey
from recurra.errors import ShapeError

FIXED = (0.5, 0.6, 0.7)


class SlowKneserNey:
    """The definition with dictionaries and recursion: the law that the arrays are held to."""

    def __init__(self, tokens, vocabulary_size, order, discounts=None):
        self.V, self.n = vocabulary_size, order
        self.counts = {}
        for k in range(1, order + 1):
            counts, left = defaultdict(int), defaultdict(set)
            for i in range(len(tokens) - k + 1):
                gram = tuple(tokens[i : i + k])
                counts[gram] += 1
                left[gram].add(tokens[i - 1] if i else "start")
            self.counts[k] = dict(counts) if k == order else {g: len(s) for g, s in left.items()}
        self.discounts = {k: discounts or self.estimate(k) for k in self.counts}

    def estimate(self, k):
        n = [sum(c == j for c in self.counts[k].values()) for j in range(5)]
        if 0 in n[1:]:
            return (0.75,) * 3
        y = n[1] / (n[1] + 2 * n[2])
        found = tuple(j - (j + 1) * y * n[j + 1] / n[j] for j in (1, 2, 3))
        return found if all(0 < d < j for j, d in enumerate(found, 1)) else (0.75,) * 3

    def p(self, token, context):
        return self.at(token, tuple(context[max(0, len(context) - self.n + 1) :]))

    def at(self, token, context):
        k = len(context) + 1
        shorter = 1 / self.V if k == 1 else self.at(token, context[1:])
        followers = {g: c for g, c in self.counts[k].items() if g[:-1] == context}
        total = sum(followers.values())
        if total == 0:
            return shorter
        taken = {g: self.discounts[k][min(c, 3) - 1] for g, c in followers.items()}
        own = followers.get((*context, token), 0) - taken.get((*context, token), 0)
        return own / total + sum(taken.values()) / total * shorter


streams = st.integers(2, 5).flatmap(
    lambda v: st.tuples(st.just(v), st.lists(st.integers(0, v - 2), min_size=1, max_size=60))
)


@given(streams, st.integers(1, 4), st.lists(st.integers(0, 4), max_size=20))
@settings(max_examples=60, deadline=None)
def test_equals_the_slow_definition_and_sums_to_one(stream, order, heldout):
    v, tokens = stream
    heldout = [t % v for t in heldout]
    fast, slow = KneserNey.fit(tokens, v, order), SlowKneserNey(tokens, v, order)
    expected = [math.log(slow.p(t, heldout[:i])) for i, t in enumerate(heldout)]
    np.testing.assert_allclose(fast.log_prob(heldout), expected, rtol=1e-10)
    for end in range(len(heldout) + 1):
        distribution = fast.distribution(heldout[:end])
        assert distribution.sum() == pytest.approx(1, abs=1e-9)
        assert (distribution > 0).all()
        if end < len(heldout):
            assert math.log(distribution[heldout[end]]) == pytest.approx(fast.log_prob(heldout)[end])


def test_estimated_discounts_equal_the_slow_ones_on_a_larger_stream():
    tokens = np.minimum(np.random.default_rng(0).geometric(0.12, size=3000) - 1, 39)
    fast, slow = KneserNey.fit(tokens, 41, 3), SlowKneserNey(tokens.tolist(), 41, 3)
    for k, level in enumerate(fast.levels, start=1):
        assert level.discounts == pytest.approx(slow.discounts[k])
    assert fast.levels[2].discounts != (0.75,) * 3
    heldout = tokens[100:130]
    expected = [math.log(slow.p(int(t), heldout[:i].tolist())) for i, t in enumerate(heldout)]
    np.testing.assert_allclose(fast.log_prob(heldout), expected, rtol=1e-10)


def test_by_hand():
    # a b a b b: bigrams ab 2, ba 1, bb 1; left neighbours: a {start, b}, b {a, b}, so 2 and 2 of 4
    model = KneserNey.fit([0, 1, 0, 1, 1], 3, 2, discounts=FIXED)
    unigram = (2 - 0.6) / 4 + (2 * 0.6) / 4 / 3
    unseen = (2 * 0.6) / 4 / 3
    np.testing.assert_allclose(model.distribution([]), [unigram, unigram, unseen])
    after_a = [
        0.3 * unigram,
        (2 - 0.6) / 2 + 0.3 * unigram,
        0.3 * unseen,
    ]  # D(2) / 2 = 0.3 goes to the unigrams
    np.testing.assert_allclose(model.distribution([0]), after_a)
    np.testing.assert_allclose(model.distribution([1]), [0.25 + 0.5 * unigram, 0.25 + 0.5 * unigram, 0.5 * unseen])
    np.testing.assert_allclose(model.distribution([2]), model.distribution([]))  # an unseen context
    np.testing.assert_allclose(model.log_prob([0, 1, 2]), np.log([unigram, after_a[1], 0.5 * unseen]))
    assert model.nats_per_token([0, 1]) == pytest.approx(-(math.log(unigram) + math.log(after_a[1])) / 2)


def test_a_stream_scored_in_chunks_is_the_same(monkeypatch):
    tokens = np.random.default_rng(0).integers(0, 6, size=500)
    model = KneserNey.fit(tokens[:300], 6, 4)
    whole = model.nats_per_token(tokens)
    monkeypatch.setattr(kneser_ney, "CHUNK", 7)
    assert model.nats_per_token(tokens) == pytest.approx(whole, abs=1e-12)


def test_many_words_and_a_high_order_do_not_overflow():
    tokens = np.random.default_rng(0).integers(0, 60_000, size=2000)
    model = KneserNey.fit(np.concatenate([tokens, tokens]), 60_000, 9)
    assert model.nats_per_token(tokens) < 1.5
    assert model.distribution(tokens[:8]).argmax() == tokens[8]


def test_reads_a_memory_map(tmp_path):
    tokens = np.random.default_rng(0).integers(0, 300, size=1000).astype(np.uint16)
    tokens.tofile(tmp_path / "tokens")
    mapped = np.memmap(tmp_path / "tokens", dtype=np.uint16, mode="r")
    assert KneserNey.fit(mapped, 300, 3).nats_per_token(mapped) == KneserNey.fit(
        tokens.tolist(), 300, 3
    ).nats_per_token(tokens)


def test_orders_longer_than_the_stream():
    model = KneserNey.fit([0], 2, 5)
    assert model.order == 5
    np.testing.assert_allclose(model.distribution([1, 1, 1, 1, 1]), [0.625, 0.375])
    assert KneserNey.fit([0, 0], 1, 2).nats_per_token([0, 0, 0]) == pytest.approx(0, abs=1e-12)


def test_the_compact_arrays_hold_the_whole_model():
    tokens = np.random.default_rng(0).integers(0, 200, size=5000) ** 2 // 200
    model = KneserNey.fit(tokens, 200, 3)
    buffer = io.BytesIO()
    np.savez(buffer, **model.compact())
    assert model.size_bytes() == len(buffer.getvalue())
    buffer.seek(0)
    written = np.load(buffer)
    for n, level in enumerate(model.levels, start=1):
        parents = np.repeat(np.arange(len(level.backoff)), written[f"followers_{n}"])
        np.testing.assert_array_equal(parents * 200 + written[f"tokens_{n}"], level.keys)
        np.testing.assert_array_equal(written[f"counts_{n}"], level.counts)
        assert tuple(written[f"discounts_{n}"]) == level.discounts
        assert written[f"tokens_{n}"].dtype == np.uint8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 3, 2), "at least one token"),
        (([0, 3], 3, 2), "in 0 .. 2, got 0 .. 3"),
        (([-1], 3, 2), "got -1 .. -1"),
        (([0.5], 3, 2), "of float64"),
        (([[0]], 3, 2), r"got \[1, 1\]"),
        (([0], 3, 0), "order >= 1, got 0"),
        (([0], 0, 2), "vocabulary_size >= 1, got 0"),
    ],
)
def test_what_cannot_be_counted_is_refused(arguments, message):
    with pytest.raises(ShapeError, match=message):
        KneserNey.fit(*arguments)


def test_what_cannot_be_scored_is_refused():
    model = KneserNey.fit([0, 1], 2, 2)
    with pytest.raises(ShapeError, match="at least one token"):
        model.nats_per_token([])
    with pytest.raises(ShapeError, match=r"in 0 .. 1"):
        model.log_prob([2])
    with pytest.raises(ShapeError, match="discounts above 0 and below 1, 2, 3"):
        KneserNey.fit([0, 1], 2, 2, discounts=(1.0, 1.0, 1.0))
    assert model.log_prob([]).shape == (0,)
