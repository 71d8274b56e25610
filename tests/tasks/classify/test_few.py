"""The linear skip of few texts learns from the validation part too, but only where another part is held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from recurra.layers.sparse_linear import SparseLinear
from recurra.tasks.classify import few
from recurra.tasks.classify.concluding import CROSSED, SILENT, before_conclusion, conclude
from recurra.tasks.classify.data import ClassifyData
from recurra.tasks.classify.few import Crossed
from recurra.tasks.classify.linear import Texts
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


def chosen(data: ClassifyData, skip: SparseLinear) -> list[Crossed]:
    """What the skip was taken from."""
    both = (data.skip_of_few(by_odds=way) for way in (True, False))
    return [each for each in both if torch.equal(each.model.weight, skip.weight)]


def test_it_learns_from_validation_where_a_test_part_is_held_out(table: Path) -> None:
    data, skip, notes = concluded(table, (0.8, 0.1, 0.1))
    (crossed,) = chosen(data, skip)
    assert torch.equal(skip.keys, crossed.model.keys)
    assert len(crossed.beside.keys) < len(skip.keys)
    assert CROSSED in notes


def test_what_is_held_out_is_never_learned_from(table: Path) -> None:
    data, skip, notes = concluded(table, (0.8, 0.2))
    (crossed,) = chosen(data, skip)
    assert crossed.model is crossed.beside
    assert CROSSED not in notes


def test_few_minutes_cut_it_short(table: Path) -> None:
    data, _, _ = concluded(table, (0.8, 0.1, 0.1))
    assert data.skip_of_few(1e-6).model.cut == 1.0


def test_many_texts_are_not_crossed(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few, "MOST_CROSSED", 100)
    data, _, notes = concluded(table, (0.8, 0.1, 0.1))
    assert not data.few
    assert CROSSED not in notes


def test_what_counting_tells_is_learned_and_nothing_is_made_up() -> None:
    """Texts of letters that are drawn by class, or not."""
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=240)

    def texts(shift: int) -> Texts:
        return Texts([rng.integers(0, 12, 6) + shift * k for k in labels])

    for shift in (3, 0):
        found = few.fit_few([(texts(shift), labels)], 2, "char", by_odds=True)
        told = few.features_of(texts(shift), "char")
        right = float((found.model.outputs(told).argmax(1).numpy() == labels).mean())
        assert found.loss is not None
        assert right > 0.8 if shift else 0.35 < right < 0.65
        assert found.loss < 0.5 if shift else 0.68 < found.loss < 0.75


def test_a_network_that_is_wrong_gets_no_share_and_can_be_had_back(table: Path) -> None:
    settings = DEFAULTS.settings.changed(text="text", label="label", min_count=1, level="char", split=(0.8, 0.1, 0.1))
    dataset = TASK.prepare(resolve(str(table), "classify"), settings)
    network = TASK.network(dataset.preprocessor, settings).eval()
    with torch.no_grad():
        labels = dataset.parts["validation"].labels
        network.scaled[1].copy_(torch.tensor([-1.0, 1.0]) * (1 if (labels == 0).mean() >= 0.5 else -1))
        before = {name: value.clone() for name, value in network.state_dict().items()}
    found, notes = conclude(dataset.data, network, dataset.parts["validation"], "auto", 0.0)
    assert SILENT in notes
    again = before_conclusion(network.state_dict(), found)
    assert torch.allclose(again["head.weight"], before["head.weight"], rtol=1e-5)
    assert float(again["skip.share"]) == 0
