"""The linear skip of few texts learns from the validation part too, but only where another part is held out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from recurra.layers.sparse_linear import SparseLinear
from recurra.tasks.classify import few
from recurra.tasks.classify.concluding import CROSSED, conclude
from recurra.tasks.classify.data import ClassifyData
from recurra.tasks.classify.settings import DEFAULTS
from recurra.tasks.classify.task import TASK
from recurra.tasks.sources.resolving import resolve


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Rows of letters, and each of its own."""
    rows = [f"{'ab' if k % 2 else 'ba'}{chr(0x4E00 + k)}cd,{'xy'[k % 2]}" for k in range(200)]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return path


def concluded(table: Path, split: tuple[float, ...]) -> tuple[ClassifyData, SparseLinear, list[str]]:
    settings = DEFAULTS.settings.changed(text="text", label="label", min_count=1, level="char", split=split)
    dataset = TASK.prepare(resolve(str(table), "classify"), settings)
    network = TASK.network(dataset.preprocessor, settings).eval()
    _, notes = conclude(dataset.data, network, dataset.parts["validation"], "linear", 0.0)
    assert network.skip is not None
    assert network.skip.weight.any()
    return dataset.data, network.skip, notes


def test_it_learns_from_validation_where_a_test_part_is_held_out(table: Path) -> None:
    data, skip, notes = concluded(table, (0.8, 0.1, 0.1))
    crossed = data.skip_of_few()
    assert torch.equal(skip.keys, crossed.model.keys)
    assert torch.equal(skip.weight, crossed.model.weight)
    assert len(crossed.beside.keys) < len(skip.keys)
    assert CROSSED in notes


def test_what_is_held_out_is_never_learned_from(table: Path) -> None:
    data, skip, notes = concluded(table, (0.8, 0.2))
    crossed = data.skip_of_few()
    assert crossed.model is crossed.beside
    assert torch.equal(skip.weight, crossed.model.weight)
    assert CROSSED not in notes


def test_few_minutes_cut_it_short(table: Path) -> None:
    data, _, _ = concluded(table, (0.8, 0.1, 0.1))
    assert data.skip_of_few(1e-6).model.cut == 1.0


def test_many_texts_are_not_crossed(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few, "MOST_CROSSED", 100)
    data, _, notes = concluded(table, (0.8, 0.1, 0.1))
    assert not data.few
    assert CROSSED not in notes
