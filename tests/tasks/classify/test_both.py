"""Words and characters together in one classifier: words that were never seen are read by their spelling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra
from recurra.errors import UsageError
from recurra.tasks.classify.trainee import SpeltBatch
from tests.scripts import loaded

SMALL: dict[str, Any] = {
    "level": "both",
    "hidden_size": 12,
    "embedding_size": 6,
    "min_count": 1,
    "learning_rate": 0.05,
    "batch_size": 32,
    "skip": "none",
    "threads": 1,
    "device": "cpu",
    "quiet": True,
}


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every word of more than a letter stands in one text alone; its ending tells the class."""
    rng, rows = np.random.default_rng(0), ["text,label"]
    for _ in range(240):
        kind = int(rng.integers(2))
        words = ["".join(rng.choice(list("bcdfgh"), 4)) + ["ment", "able"][kind] for _ in range(2)]
        rows.append(f"{'; '.join([*words, *rng.choice(list('klmnpq'), 2)])},{'xy'[kind]}")
    path = tmp_path_factory.mktemp("both") / "rows.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_unknown_words_are_read_by_their_spelling(endings: Path, tmp_path: Path) -> None:
    run = recurra.train(endings, out=tmp_path / "run", epochs=6.0, crop=0.5, **SMALL)
    assert run.preprocessor.characters == " ;abcdefghklmnpqt"
    assert any("beside words the network reads 17 different characters" in note for note in run.config["notes"])
    texts = ["zzment qqment", "zzable; qqable", "k"]
    again = recurra.load(run.folder)
    chances = again.predict_proba(texts)
    assert [found.label for found in again.predict(texts[:2])] == ["x", "y"]
    assert run.metrics["metrics"]["accuracy"] > 0.95
    assert np.array_equal(chances, run.predict_proba(texts))
    assert np.allclose([again.predict_proba([text])[0] for text in texts], chances, atol=1e-6)
    assert again.evaluate()["loss"] == pytest.approx(run.metrics["metrics"]["loss"], rel=1e-6)
    seen = again.model.forward_pass(texts[1])
    assert list(seen.steps) == ["stack", "reader.stack"]
    assert "".join(seen.steps["reader.stack"]) == " zzable ; qqable "
    assert seen.probabilities()[-1] == pytest.approx(chances[1], abs=1e-6)
    exported = again.export("onnx", out=tmp_path / "onnx").folder
    reader = loaded(exported / "reader.py")
    for answer, expected in zip(reader.Model(exported).predict(texts), chances, strict=True):
        assert sorted(chance for _, chance in answer) == pytest.approx(sorted(expected), abs=1e-4)
    for target in ("c", "torch"):
        with pytest.raises(UsageError, match=r"characters (are read )?beside words"):
            again.export(target, out=tmp_path / target)


def test_a_crop_has_the_characters_of_its_words(endings: Path) -> None:
    from recurra.tasks.classify.settings import DEFAULTS
    from recurra.tasks.classify.task import TASK
    from recurra.tasks.sources.resolving import resolve

    settings = DEFAULTS.settings.changed(level="both", crop=1.0, min_count=1, text="text", label="label")
    dataset = TASK.prepare(resolve(str(endings), "classify"), settings)
    trainee = TASK.trainee(TASK.network(dataset.preprocessor, settings), dataset)
    words = dataset.data.vocabulary
    short = 0
    for batch in trainee.batches(1):
        assert isinstance(batch, SpeltBatch)
        some = batch.rows(slice(1, 3))
        assert isinstance(some, SpeltBatch)
        assert [each.tolist() for each in some.letters] == [each.tolist() for each in batch.letters[1:3]]
        for row, length, letters in zip(batch.tokens, batch.lengths, batch.letters, strict=True):
            spelt = "".join(chr(code - (1 << 32)) for code in letters.tolist())
            assert spelt.split() == [words.tokens[token] for token in row[:length]]
            short += length < 7
    assert short > 20


def test_other_tasks_read_one_level(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a text of words and characters\n" * 40)
    for task in ("language", "fill"):
        with pytest.raises(UsageError, match=r"level '?both"):
            recurra.train(tmp_path / "t.txt", task=task, level="both", out=tmp_path / task, quiet=True)
