"""What an evaluation looks at if it may not look at all of a text."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from recurra.tasks.language.trainee import FEWEST_EVALUATED, LEAST_EVALUATED, PIECES, LanguageTrainee, evenly


@pytest.mark.parametrize("length", [1000, 1001, 100_003])
@pytest.mark.parametrize("count", [17, 100, 999])
def test_a_part_of_a_text_is_spread_over_it(length: int, count: int) -> None:
    found = evenly(np.arange(length), count)
    assert len(found) == count == len(set(found))
    assert found[0] == 0
    assert found[-1] == length - 1
    assert (np.diff(found) > 1).sum() <= PIECES - 1
    assert np.abs(np.quantile(found, (0.25, 0.5, 0.75)) / length - (0.25, 0.5, 0.75)).max() < 0.07


def test_a_short_text_is_taken_whole() -> None:
    assert evenly(np.arange(5), 5).tolist() == evenly(np.arange(5), 9).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("affordable", "looked_at"),
    [(1, FEWEST_EVALUATED), (1000, 5000), (LEAST_EVALUATED // 5 + 1, LEAST_EVALUATED), (90_000, 90_000)],
)
def test_a_slow_network_is_evaluated_on_fewer_tokens(affordable: int, looked_at: int) -> None:
    tokens = np.zeros(100_000, np.uint16)
    corpus: Any = SimpleNamespace(train=tokens, validation=tokens)
    trainee = LanguageTrainee(torch.nn.Identity(), corpus, batch_size=2, bptt=5, seed=0)
    assert trainee.limit_evaluation(affordable) == len(trainee.validation) == looked_at
