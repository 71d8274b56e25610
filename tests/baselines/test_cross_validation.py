"""Cross-validation of a linear model: every row left out once, nothing of its class seen before, while it helps."""

from __future__ import annotations

import torch

from recurra.baselines.cross_validation import FOLDS, STEPS, Course, batch_of, best_course, folds, follow
from recurra.baselines.log_odds import log_odds, paces, strength
from recurra.baselines.sparse_logistic import BATCH, choose_features, descent
from recurra.layers.sparse_linear import Found, known, ngrams


def by_odds(found: Found, labels: torch.Tensor) -> tuple[tuple[torch.Tensor, torch.Tensor], torch.Tensor | None]:
    keys, _ = choose_features(found, 2, by_rarity=False)
    odds = log_odds(keys, found, labels, 2)
    return (keys, strength(odds, labels)), paces(odds, labels)


def drawn(count: int, telling: int) -> tuple[Found, torch.Tensor]:
    """Rows of tokens of their own, in so many of a hundred one that tells the class."""
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (count,), generator=random)
    tokens = torch.randint(10, 1000, (count, 6), generator=random)
    told = torch.randint(0, 100, (count,), generator=random) < telling
    tokens[told, 2] = labels[told]
    return ngrams(tokens, None, (1, 2)), labels


def test_every_row_is_left_out_once_and_every_class_in_every_fold() -> None:
    labels = torch.tensor([0] * 30 + [1] * 11 + [2] * 2)
    found = folds(labels, 0)
    assert found.bincount().tolist() == [9, 9, 9, 8, 8]
    for name, least in ((0, 6), (1, 2)):
        assert found[labels == name].bincount(minlength=FOLDS).min() >= least
    assert torch.equal(found, folds(labels, 0))
    assert not torch.equal(found, folds(labels, 1))


def test_rows_are_read_by_models_that_have_not_counted_them() -> None:
    found, labels = drawn(200, 0)
    course = best_course(found, labels, 2, by_odds)
    assert course.loss > 0.66  # nothing tells: a coin has 0.69
    found, labels = drawn(200, 90)
    course = best_course(found, labels, 2, by_odds)
    assert course.loss < 0.4
    model = follow(course, found, labels, 2, by_odds)
    assert (model.outputs(found).argmax(1) == labels).float().mean() > 0.9
    assert model.cut is None


def test_a_course_is_followed_to_its_end_and_no_further() -> None:
    found, labels = drawn(200, 90)
    features, pace = by_odds(found, labels)
    model = follow(Course(0.1, 3, 0.5, cut=False, logits=torch.zeros(200, 2)), found, labels, 2, by_odds)
    rows = known(found, *features)
    epochs = descent(rows, labels, (len(features[0]), 2), 0.1, paces=pace, batch=batch_of(200))
    for epoch, learned in enumerate(epochs, start=1):
        assert torch.equal(learned.weight, model.weight) == (epoch == 3)
        if epoch == 4:
            break


def test_few_rows_are_learned_in_as_many_steps_and_many_in_batches_as_large_as_ever() -> None:
    assert [batch_of(count) for count in (100, 1000, 100_000)] == [16, 1000 // STEPS, BATCH]


def test_where_time_is_over_the_best_so_far_is_taken_and_told() -> None:
    found, labels = drawn(100, 90)
    course = best_course(found, labels, 2, by_odds, lambda: True)
    assert course.epochs == 1
    assert course.cut
    assert follow(course, found, labels, 2, by_odds).cut == 1.0
