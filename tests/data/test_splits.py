from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.data.files.examples import Example, Examples
from recurra.data.splits import Splits, check_splits, from_parts, hold_out, split
from recurra.data.twins import describe_shared, shared
from recurra.errors import DataError, UsageError


def _examples(*pairs: tuple[str, str]) -> Examples:
    return Examples([Example(text, label, Path("data.csv"), line) for line, (text, label) in enumerate(pairs, start=2)])


PAIRS = st.lists(st.tuples(st.integers(0, 40).map(str), st.sampled_from("xyz")), max_size=120)
FRACTIONS = st.sampled_from([(0.8, 0.1, 0.1), (0.9, 0.1, 0.0), (0.7, 0.0, 0.3), (1.0, 0.0, 0.0), (0.34, 0.33, 0.33)])


@settings(max_examples=50)
@given(PAIRS, FRACTIONS, st.integers(0, 5))
def test_every_example_is_in_one_part_and_no_text_in_two(
    pairs: list[tuple[str, str]], fractions: tuple[float, float, float], seed: int
) -> None:
    examples = _examples(*pairs)
    parts = split(examples, fractions, seed=seed)
    items = [item for _, part in parts for item in part]
    assert sorted(item.line for item in items) == [item.line for item in examples]
    assert shared({name: part.texts for name, part in parts}) == {}
    for share, (_, part) in zip(fractions, parts, strict=True):
        assert share or not len(part)
    assert set(parts.train.labels) == set(examples.labels)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from("xyz"), st.integers(3, 50)), FRACTIONS, st.integers(0, 5))
def test_every_class_is_in_every_part_in_proportion(
    sizes: dict[str, int], fractions: tuple[float, float, float], seed: int
) -> None:
    pairs = [(f"{label}{number}", label) for label, size in sizes.items() for number in range(size)]
    parts = split(_examples(*pairs), fractions, seed=seed)
    for share, (_, part) in zip(fractions, parts, strict=True):
        counts = Counter(part.labels)
        for label, size in sizes.items():
            assert abs(counts[label] - share * size) <= 2
            assert bool(counts[label]) == bool(share)


@settings(max_examples=50)
@given(PAIRS, st.permutations(range(120)))
def test_the_order_of_the_examples_decides_nothing(pairs: list[tuple[str, str]], order: list[int]) -> None:
    examples = _examples(*pairs)
    turned = Examples([examples.items[i] for i in order if i < len(pairs)])
    first, second = split(examples), split(turned)
    for (_, a), (_, b) in zip(first, second, strict=True):
        assert sorted(item.line for item in a) == sorted(item.line for item in b)


def test_another_seed_is_another_split() -> None:
    examples = _examples(*[(str(number), "x") for number in range(100)])
    assert split(examples, seed=1).test.texts == split(examples, seed=1).test.texts
    assert split(examples, seed=1).test.texts != split(examples, seed=2).test.texts
    assert [len(part) for _, part in split(examples)] == [80, 10, 10]


def test_two_examples_are_one_to_learn_and_one_to_evaluate() -> None:
    parts = split(_examples(*[(str(number), "x") for number in range(50)], ("p", "rare"), ("q", "rare")))
    assert [part.labels.count("rare") for _, part in parts] == [1, 0, 1]
    assert [len(part) for _, part in split(_examples(("a", "x")))] == [1, 0, 0]


def test_all_rows_of_a_text_go_together_even_under_two_labels() -> None:
    pairs = [(str(number % 30), "xy"[number % 2]) for number in range(90)] + [(str(n), "y") for n in range(30)]
    parts = split(_examples(*pairs))
    indices = defaultdict(set)
    for name, part in parts:
        for item in part:
            indices[item.text].add(name)
    assert all(len(names) == 1 for names in indices.values())


@pytest.mark.parametrize(
    "fractions", [(0.8, 0.2), (0.8, 0.1, 0.2), (0, 0.5, 0.5), (1.5, -0.5, 0), (float("nan"), 0, 1)]
)
def test_fractions_that_cannot_be_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="fractions"):
        split(_examples(("a", "x")), fractions)


def test_parts_have_their_usual_names() -> None:
    a, b = _examples(("a", "x")), _examples(("b", "x"))
    assert from_parts({"Train": a, "dev": b}) == Splits(a, b)
    with pytest.raises(DataError, match="'fold1' is no part of a split; there are 'train', 'fold1'"):
        from_parts({"train": a, "fold1": b})
    with pytest.raises(DataError, match="two parts are the validation part"):
        from_parts({"train": a, "dev": b, "val": b})
    with pytest.raises(DataError, match="there is no train part, only 'test'"):
        from_parts({"test": a})


def test_what_cannot_be_learned_or_evaluated_is_refused() -> None:
    good = _examples(("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"))
    check_splits(Splits(good))
    with pytest.raises(DataError, match="the training part has no examples"):
        check_splits(Splits(Examples()))
    with pytest.raises(DataError, match=r"data\.csv: only one class, 'x', in 2 training examples"):
        check_splits(Splits(_examples(("a", "x"), ("b", "x"))))
    with pytest.raises(DataError, match=r"data\.csv:4: the class 'z' has a single example, 'c'"):
        check_splits(split(_examples(("a", "x"), ("b", "x"), ("c", "z"), ("c", "z"))))
    with pytest.raises(DataError, match=r"data\.csv:2: the label 'z' stands 2 times in the test part, never in train"):
        check_splits(Splits(good, test=_examples(("e", "z"), ("f", "z"))))


def test_texts_in_two_parts_are_counted_not_refused() -> None:
    good = _examples(("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"))
    parts = Splits(good, validation=_examples(("e", "x")), test=_examples(("a", "x"), ("a", "y"), ("b", "y")))
    check_splits(parts)
    texts = {name: part.texts for name, part in parts}
    assert describe_shared(texts, texts) == ["2 texts stand in both train and test, e.g. 'a'"]


@pytest.mark.parametrize(
    ("fractions", "share"),
    [((0.8, 0.1, 0.1), 1 / 9), ((0.9, 0.1, 0.0), 0.1), ((0.6, 0.2, 0.2), 0.25), ((0.8, 0, 0.2), 0.1)],
)
def test_what_is_held_out_beside_a_test_part(fractions: tuple[float, float, float], share: float) -> None:
    held = hold_out(fractions)
    assert held.share == pytest.approx(share)
    assert held.fractions == pytest.approx((1 - share, share, 0))
