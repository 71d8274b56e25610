"""Data sets of Hugging Face as what a training is given, as far as such an object is asked for anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from recurra.api import given_data, given_datasets
from recurra.errors import UsageError


class Rows:
    """As datasets.Dataset: rows, the names of columns, what they hold."""

    __module__ = "datasets.arrow_dataset"

    def __init__(self, rows: list[dict[str, Any]], **features: Any) -> None:
        self.rows, self.features = rows, features
        self.column_names = list(rows[0])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)


class Parts(dict[str, Rows]):
    __module__ = "datasets.dataset_dict"


def names(*given: str) -> Any:
    return SimpleNamespace(names=list(given), int2str=lambda number: given[number])


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))


def written(data: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in given_data.as_path(data).read_text(encoding="utf-8").splitlines()]


def test_labels_are_their_names_and_tags_too() -> None:
    rows = [{"text": "a", "label": 1, "n": 3}, {"text": "b", "label": -1, "n": None}]
    assert written(Rows(rows, label=names("bad", "good"))) == [
        {"text": "a", "label": "good", "n": 3},
        {"text": "b", "label": None, "n": None},
    ]
    tags = SimpleNamespace(feature=names("O", "B-PER"))
    assert written(Rows([{"tokens": ["Ada", "sat"], "tags": [1, 0]}], tags=tags)) == [
        {"tokens": ["Ada", "sat"], "tags": ["B-PER", "O"]}
    ]
    assert written(Rows([{"text": "a", "label": "x"}])) == [{"text": "a", "label": "x"}]


def test_parts_are_taken_by_their_names() -> None:
    one = Rows([{"text": "a"}])
    train, parts, left = given_datasets.parts_of(Parts(train=one, dev=one, test=one, unsupervised=one))
    assert (train, parts, left) == (one, {"validation": one, "test": one}, ["unsupervised"])
    with pytest.raises(UsageError, match="no part 'train', but 'test'; give one of them alone"):
        given_datasets.parts_of(Parts(test=one))
    with pytest.raises(UsageError, match="name the column with label="):
        given_data.as_path(one, ["x"])
    assert not given_datasets.is_dataset([1])
    assert not given_datasets.is_parted({"train": one})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_library_itself_trains_a_model_and_an_estimator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    import recurra
    from recurra.sklearn import SequenceClassifier

    monkeypatch.chdir(tmp_path)
    kinds = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])})

    def part(word: str, count: int) -> Any:
        texts = [f"a {('dull', 'fine')[n % 2]} film {word}{n}" for n in range(count)]
        return datasets.Dataset.from_dict({"text": texts, "label": [n % 2 for n in range(count)]}, features=kinds)

    whole = datasets.DatasetDict(train=part("a", 60), validation=part("b", 20), test=part("c", 20))
    small: dict[str, Any] = {"epochs": 1, "hidden_size": 4, "baselines": "none", "quiet": True}
    run = recurra.train(whole, out="parted", **small)
    assert run.classes == ["bad", "good"]
    assert run.stored.data.counts == {"train": 60, "validation": 20, "test": 20}
    assert "DatasetDict" in run.stored.command
    streamed = recurra.train(whole["train"].to_iterable_dataset(), out="streamed", **small)
    assert sum(streamed.stored.data.counts.values()) == 60
    fitted = SequenceClassifier(epochs=1, hidden_size=4).fit(whole["train"]["text"], whole["train"]["label"])
    assert set(fitted.predict(whole["test"]["text"])) <= {0, 1}
