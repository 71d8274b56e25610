"""Crops: runs of whole clauses, decided by seed and epoch."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.data.batching import crops
from recurra.data.batching.crops import Crops, ends_clause
from recurra.data.tokens.vocabulary import Vocabulary

TEXTS = ["屏幕清楚，不卡!!速度快。 值得买", "没有标点的一句话", "a, b; c, d", "好，好，好，好，好"]


def made(share: float, seed: int = 0) -> tuple[Crops, Vocabulary]:
    vocabulary = Vocabulary.build(TEXTS)
    encoded = [vocabulary.encode(text) for text in TEXTS]
    return Crops(encoded, ends_clause(vocabulary.tokens), share, seed=seed), vocabulary


def test_signs_and_spaces_end_a_clause() -> None:
    found = ends_clause(["<unk>", "，", "!", "不", " ", "a", "…", "<eos>", "8", "。。"])
    assert found.tolist() == [False, True, True, False, True, False, True, True, False, True]


def test_a_crop_is_a_run_of_whole_clauses() -> None:
    crop, vocabulary = made(1.0)
    clauses = ["屏幕清楚，", "不卡!!", "速度快。 ", "值得买"]
    runs = {"".join(clauses[i:j]) for i in range(4) for j in range(i + 1, min(i + 3, 4) + 1)}
    seen = {vocabulary.decode(crop.epoch(n)[0]) for n in range(200)}
    assert seen == {run for run in runs if len(run) >= crops.SHORTEST} | {TEXTS[0]}
    assert {vocabulary.decode(crop.epoch(n)[1]) for n in range(20)} == {TEXTS[1]}


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_share_of_the_texts_is_cut_down(share: float) -> None:
    row = np.tile(np.array([1, 1, 1, 1, 2]), 10)
    crop = Crops([row] * 2000, np.array([False, False, True]), share)
    lengths = [len(found) for found in crop.epoch(3)]
    assert np.mean([length < 50 for length in lengths]) == pytest.approx(share, abs=0.04)
    assert {length for length in lengths if length < 50} <= {5, 10, 15}


def test_seed_and_epoch_decide() -> None:
    one, _ = made(0.9)
    again, _ = made(0.9)
    other, _ = made(0.9, seed=1)
    epochs = [[row.tolist() for row in one.epoch(n)] for n in range(8)]
    assert epochs == [[row.tolist() for row in again.epoch(n)] for n in range(8)]
    assert epochs != [[row.tolist() for row in other.epoch(n)] for n in range(8)]
    assert len({str(epoch) for epoch in epochs}) > 1
