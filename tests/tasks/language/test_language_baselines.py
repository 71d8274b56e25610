"""N-grams beside a language model: a longer one where the validation part says that it pays, within a time."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.data.corpus.mapped import Corpus
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.language import baselines

VOCABULARY = Vocabulary.build(["ab"], level="char")


def corpus(period: int) -> Corpus:
    """A text in which a token follows from the one `period` places before alone, but for one in twenty."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 3, 12_000)
    for place in range(period, len(tokens)):
        if rng.random() < 0.95:
            tokens[place] = tokens[place - period]
    return Corpus(VOCABULARY, tokens[:10_000], tokens[10_000:], tokens[:0], {}, {})


def names(period: int) -> list[str]:
    data = corpus(period)
    found = baselines.language_baselines(data, data.validation)
    assert all(each.seconds is not None and each.size_bytes for each in found)
    return [each.name.removeprefix("Kneser-Ney ") for each in found]


def test_a_longer_one_stands_beside_the_others_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(5) == ["2-gram", "3-gram", "5-gram", "6-gram"]
    assert names(2) == ["2-gram", "3-gram", "5-gram"]
    monkeypatch.setattr(baselines, "SECONDS", 0.0)
    assert names(5) == ["2-gram", "3-gram", "5-gram"]


def test_within_enough_seconds_they_are_the_same() -> None:
    data = corpus(5)
    held_out = np.tile(data.validation, 6)  # more than the training part has
    found, notes = baselines.baselines_within(data, held_out, 1000.0)
    whole = baselines.language_baselines(data, held_out)
    assert [(each.name, each.metrics) for each in found] == [(each.name, each.metrics) for each in whole]
    assert notes == []


def test_within_few_seconds_they_are_counted_on_a_part_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "PROBE", 500)
    data, seconds = corpus(5), iter([0.0, 1.0])
    found, (note,) = baselines.baselines_within(data, data.validation, 5.0, clock=lambda: next(seconds))
    assert [each.name for each in found] == [f"Kneser-Ney {n}-gram, 1,329 of 10,000 tokens" for n in (2, 3, 5)]
    assert (
        "the last 1,329 of 10,000 tokens of the training part and scored on 1,329 of 2,000, from all over that part"
        in note
    )


def test_a_longer_one_is_tried_only_where_the_seconds_suffice_for_the_whole_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit = baselines._fit
    monkeypatch.setattr(baselines, "PROBE", 500)
    monkeypatch.setattr(baselines, "_fit", lambda part, order: (fit(part, order)[0], len(part.train) / 1000))
    data, seconds = corpus(5), iter([0.0, 0.1, 1.0])
    found, notes = baselines.baselines_within(data, data.validation, 15.0, clock=lambda: next(seconds))
    assert [each.name for each in found] == [f"Kneser-Ney {n}-gram" for n in (2, 3, 5)]
    assert notes == []
