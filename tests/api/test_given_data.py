"""Data in memory are read as a file of the same content would be."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import recurra
from recurra import model_folder
from recurra.api.given_data import as_path
from recurra.errors import DataError, UsageError

Train = Callable[..., recurra.Run]


class PandasLike:
    """What is used of a pandas frame."""

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        self.columns = list(columns)
        self._cells = list(columns.values())

    @property
    def iloc(self) -> Any:
        cells = self._cells

        class At:
            def __getitem__(self, place: tuple[slice, int]) -> Any:
                return np.array(cells[place[1]], dtype=object)

        return At()


def examples(labels: Path) -> tuple[list[str], list[str]]:
    files = {path.stem: path.read_text().split() for path in sorted(labels.glob("*.txt"))}
    return [text for of in files.values() for text in of], [name for name, of in files.items() for _ in of]


def test_frames_lists_and_pairs_are_the_same_file(labels: Path) -> None:
    texts, names = examples(labels)
    frame = {"text": texts, "label": names}
    pairs = list(zip(texts, names, strict=True))
    paths = {
        as_path(given) for given in (pairs, [list(pair) for pair in pairs], pl.DataFrame(frame), PandasLike(frame))
    }
    paths |= {as_path(texts, names), as_path(np.array(texts), np.array(names))}
    assert len(paths) == 1
    assert pl.read_ndjson(paths.pop()).to_dict(as_series=False) == frame


def test_a_run_on_lists_is_the_run_on_their_file_and_can_be_evaluated_again(train: Train, labels: Path) -> None:
    texts, names = examples(labels)
    first = train(texts, labels=names, out="first", lr=0.01)
    second = train(as_path(texts, names), out="second", learning_rate=0.01)
    mine, theirs = model_folder.read(first.folder), model_folder.read(second.folder)
    assert first.task == "classify"
    assert mine.files["weights.safetensors"].sha256 == theirs.files["weights.safetensors"].sha256
    assert first.config["command"].startswith("recurra.train(<list of 120>, ")
    assert recurra.load("first").evaluate()["accuracy"] == first.metrics["metrics"]["accuracy"]
    on_all = first.evaluate(texts, labels=names)
    assert on_all["count"] == 120
    assert [point.step for point in first.history] == [point["step"] for point in first.metrics["history"]]
    assert first.report == first.folder / "report.html"
    chances = first.predict_proba(["abc", "hig"])
    assert chances.shape == (2, len(first.classes))
    np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-5)
    for row, prediction in zip(chances, first.predict(["abc", "hig"]), strict=True):
        assert first.classes[int(row.argmax())] == prediction.label
    assert first.predict_proba([]).shape == (0, 2)


def test_tokens_and_tags_translations_and_plain_texts(train: Train, text: Path) -> None:
    lines = text.read_text().splitlines()
    tagged = [(line.split(), ["AB"[len(word) % 2] for word in line.split()]) for line in lines]
    assert train(tagged, task="tag", out="tagger").task == "tag"
    pairs = [(line, line[::-1]) for line in dict.fromkeys(lines)]
    assert train(pairs, task="translate", level="word", out="translator").task == "translate"
    model = train(lines, task="language", out="language")
    assert model.task == "language"
    with pytest.raises(UsageError, match="does not give class probabilities"):
        model.predict_proba("sun")


@pytest.mark.parametrize(
    ("data", "labels", "told"),
    [
        ({"text": ["a"]}, None, "data must be a path or a name, a pandas or polars frame, .* got a dict"),
        (3, None, "got a int"),
        ([("a", "b"), 3], None, "row 2 is a int, neither a text nor a pair"),
        (["a", "b"], None, "data must be texts with labels, unless task is"),
        ([("a", "b", "c")], None, "row 1 is a tuple"),
        ([("a", None)], None, "row 1 has nothing where"),
        (["a", "b"], ["x"], "2 texts and 1 labels"),
        (["a", None], ["x", "y"], "text 2 is a NoneType"),
        (["a"], "x", "labels must be a list"),
        ("file.txt", ["x"], "labels go with a list of texts"),
    ],
)
def test_what_is_none_of_them_is_told(data: Any, labels: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        as_path(data, labels)


def test_nothing_at_all_and_a_column_that_stands_twice() -> None:
    with pytest.raises(DataError, match="the data have no rows"):
        as_path([])
    twice = PandasLike({"text": ["a"], "label": ["b"]})
    twice.columns = ["text", "text"]
    with pytest.raises(UsageError, match="'text' of the frame appears twice"):
        as_path(twice)


def test_a_learning_rate_has_one_name_at_a_time(train: Train, labels: Path) -> None:
    with pytest.raises(UsageError, match="lr is learning_rate"):
        train(labels, lr=0.1, learning_rate=0.1)


def test_the_version_is_the_package_s() -> None:
    assert recurra.__version__ == sys.modules["importlib.metadata"].version("recurra")
