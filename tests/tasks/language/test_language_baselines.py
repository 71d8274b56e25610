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


def test_a_longer_one_is_looked_for_only_where_the_seconds_suffice() -> None:
    data = corpus(5)
    assert len(baselines.language_baselines(data, data.validation, 1000.0)) == 4
    assert len(baselines.language_baselines(data, data.validation, 0.0)) == 3
