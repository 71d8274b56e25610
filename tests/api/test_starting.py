"""A run that begins with the weights and the vocabulary of another one, in every task."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import recurra
from recurra import model_folder
from recurra.errors import DataError, UsageError

pytestmark = pytest.mark.usefixtures("undrawn")

Train = Callable[..., recurra.Run]
WORDS = ["sun", "moon", "rose", "nose", "sea", "tea", "stone", "bone"]
FITTED_ANEW = {"skip.weight", "skip.bias", "skip.share", "doubt", "penalty"}
"""Of a linear skip, on each run's own data; which features it knows, and their scale, are the first run's. Of a
translator, what each run's validation part settles after training."""
TASKS = ("classify", "language", "tag", "fill", "translate", "generate")


@pytest.fixture
def train(usual_train: Train) -> Train:
    return usual_train


def data_of(task: str, place: Path, words: list[str], seed: int) -> tuple[Path, dict[str, Any]]:
    """The same kind of data, of other words."""
    rng = random.Random(seed)
    lines = [" ".join(rng.choices(words, k=rng.randint(3, 6))) for _ in range(80)]
    place.mkdir()
    if task in ("classify", "generate"):
        (place / "odd.txt").write_text("\n".join(lines[::2]) + "\n")
        (place / "even.txt").write_text("\n".join(lines[1::2]) + "\n")
        return place, {"task": task}
    path = place / {"tag": "data.txt", "translate": "data.tsv"}.get(task, "data.txt")
    match task:
        case "tag":
            sentences = ["\n".join(f"{word}\t{'AB'[len(word) % 2]}" for word in line.split()) for line in lines]
            path = place / "data.conll"
            path.write_text("\n\n".join(sentences) + "\n")
        case "translate":
            path.write_text("\n".join(f"{line}\t{line[::-1]}" for line in lines) + "\n")
        case _:
            path.write_text("\n".join(lines) + "\n")
    level = {"translate": {"level": "word"}, "fill": {"level": "word"}}.get(task, {})
    return path, {"task": task} | level


@pytest.mark.parametrize("task", TASKS)
def test_a_run_begins_with_another_ones_weights_and_vocabulary(train: Train, tmp_path: Path, task: str) -> None:
    old, given = data_of(task, tmp_path / "old", WORDS, 0)
    first = train(old, out=tmp_path / "first", **given)
    new, _ = data_of(task, tmp_path / "new", [*WORDS, "qux", "zyzzy"], 1)
    small = {"epochs": 0.01, "learning_rate": 1e-12, "weight_decay": 0.0, "device": "cpu", "quiet": True}
    run = recurra.train(new, start_from=tmp_path / "first", out=tmp_path / "second", **small)
    a, b = model_folder.read(first.folder), model_folder.read(run.folder)
    counted = {"attributes", "longest"}  # of these a generator counts its own data anew
    learned = {name: value for name, value in a.preprocessing.items() if name not in counted}
    assert {name: b.preprocessing[name] for name in learned} == learned
    assert a.weights().keys() == b.weights().keys()
    for name, value in a.weights().items():
        if name not in FITTED_ANEW:
            exact = not value.is_floating_point()
            other = b.weights()[name]
            assert torch.equal(value, other) if exact else torch.allclose(value, other, atol=1e-6), name
    (note,) = [note for note in run.config["notes"] if note.startswith("weights and preprocessing are those of first")]
    assert "does not know" in note
    assert " 0 of the" not in note
    assert run.evaluate()["count"] > 0
    longer = recurra.train(resume=run.folder, epochs=1.0, quiet=True)
    assert longer.stored.started_from == "first"
    assert model_folder.read(longer.folder).preprocessing == b.preprocessing


def test_what_is_new_in_the_data_is_refused_with_what_there_is(train: Train, labels: Path, tmp_path: Path) -> None:
    train(labels)
    (labels / "third.txt").write_text("".join(f"{'xyz' * i}\n" for i in range(1, 30)))
    with pytest.raises(DataError, match=r"third\.txt.*'third' was not in training\n.*'high', 'low'"):
        recurra.train(labels, start_from="run", out="next", quiet=True)
    assert not Path("next").exists()


def test_what_belongs_to_the_first_run_cannot_be_set(train: Train, labels: Path) -> None:
    train(labels)
    for given in ({"hidden_size": 9}, {"level": "char"}, {"cell": "lstm"}, {"min_count": 1}):
        with pytest.raises(UsageError, match=f"are those of run; leave out {next(iter(given))}"):
            recurra.train(labels, start_from="run", quiet=True, **given)
    with pytest.raises(UsageError, match="is a model of the task classify"):
        recurra.train(labels, start_from="run", task="language", quiet=True)
    with pytest.raises(UsageError, match="keeps its data"):
        recurra.train(start_from="run", resume="run")


def test_one_that_was_stopped_goes_on_with_the_kept_vocabulary(train: Train, labels: Path, tmp_path: Path) -> None:
    train(labels)

    class Stop:
        def on_step(self, step: Any) -> None:
            if step.step == 3:
                raise ValueError("enough")

    low = (labels / "low.txt").read_text()
    (labels / "low.txt").write_text(low.replace("a", "x"))
    whole = recurra.train(labels, start_from="run", out="whole", epochs=1.0, quiet=True)
    with pytest.raises(recurra.CallbackError):
        recurra.train(labels, start_from="run", out="part", epochs=1.0, quiet=True, callbacks=[Stop()])
    resumed = recurra.train(resume="part", quiet=True)
    mine, theirs = model_folder.read(resumed.folder).weights(), model_folder.read(whole.folder).weights()
    assert all(torch.equal(value, theirs[name]) for name, value in mine.items())
