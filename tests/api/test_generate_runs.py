"""A conditioned generator from data to a folder and back."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

import recurra
from recurra.errors import DataError, ModelFolderError, UsageError
from recurra.tasks.generate import report as generate

Train = Callable[..., recurra.Run]


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "DRAWN", {"tunes": 4, "texts": 12})


@pytest.fixture
def tunes(tmp_path: Path) -> Path:
    rng, folder = random.Random(0), tmp_path / "tunes"
    folder.mkdir()
    for name, metre, count in (("jigs", "6/8", 6), ("reelsa-m", "4/4", 8), ("reelsn-z", "4/4", 8)):
        music = ("|".join("".join(rng.choices("GABcde", k=count)) for _ in range(4)) for _ in range(12))
        text = "\n".join(f"X:{i}\nT:{name} {i}\nM:{metre}\nL:1/8\nK:G\n{line}||\n" for i, line in enumerate(music))
        (folder / f"{name}.abc").write_text(text, encoding="utf-8")
    return folder


def test_names_of_a_class(train: Train, labels: Path) -> None:
    run = train(labels, task="generate")
    assert run.task == "generate"
    assert {"nats_per_character", "perplexity"} <= set(run.metrics["metrics"])
    names = [baseline["name"] for baseline in run.metrics["baselines"]]
    assert "Kneser-Ney 5-gram of each class" in names
    again = recurra.load(run.folder)
    drawn = again.generate(condition="low", count=3, seed=7)
    assert drawn == run.generate(condition="low", count=3, seed=7)
    assert [each.condition for each in drawn] == ["low"] * 3
    assert run.evaluate()["nats_per_character"] == pytest.approx(run.metrics["metrics"]["nats_per_character"], rel=1e-4)
    assert run.evaluate(labels)["count"] > run.evaluate()["count"]
    with pytest.raises(UsageError, match="does not predict"):
        run.predict("abc")
    with pytest.raises(UsageError, match="did you mean 'low'"):
        run.generate(condition="lov")


def test_the_report_shows_samples_of_each_class(train: Train, labels: Path) -> None:
    run = train(labels, task="generate")
    record = json.loads((run.folder / "report.json").read_text())
    samples, new = record["sections"][:2]
    assert [row[0] for row in new["rows"]] == ["this model", "Kneser-Ney 5-gram of each class", "real texts, test part"]
    assert [column["title"] for column in new["columns"][1:]] == ["Recognised", "New", "Distinct", "Characters"]
    assert [row[0] for row in samples["rows"]] == ["high", "low"]


def test_tunes_by_the_names_of_their_files(train: Train, tunes: Path) -> None:
    run = train(tunes, transpose=True)
    assert run.task == "generate"
    record = json.loads((run.folder / "report.json").read_text())
    samples, new = record["sections"][:2]
    assert [sample["label"] for sample in samples["samples"]] == ["jigs", "reels"]
    assert "Complete bars" in [column["title"] for column in new["columns"][1:]]
    assert record["data"]["unit"] == "tunes"
    found = run.generate("M:6/8\nL:1/8\nK:G\n", condition="jigs", seed=0)
    assert found[0].text.startswith("M:6/8\nL:1/8\nK:G\n")
    assert str(tunes.parent) not in json.dumps(recurra.load(run.folder).config["notes"])


def test_tunes_by_metre_and_key(train: Train, tunes: Path) -> None:
    run = train(tunes, label="M,K")
    assert run.generate(condition="M=6/8", seed=0)[0].condition == "M=6/8,K=G"
    with pytest.raises(DataError, match="have the attributes class, the model has M, K"):
        run.evaluate(write_names(tunes.parent))


def write_names(folder: Path) -> Path:
    names = folder / "names"
    names.mkdir()
    for label in ("a", "b"):
        (names / f"{label}.txt").write_text("x\ny\n")
    return names


def test_a_named_set_is_found_again(train: Train) -> None:
    run = train("surnames", task="generate", epochs=0.05, max_length=6)
    assert recurra.load(run.folder).evaluate()["on"] == "surnames, test part"


@pytest.mark.parametrize(
    ("given", "piece"),
    [
        ({"bidirectional": True}, "bidirectional is a setting of the tasks classify, tag, translate"),
        ({"learned_state": True}, "learned_state is a setting of the tasks"),
        ({"balance": 1.0}, "balance is a setting of the tasks classify, frames"),
        ({"label": "x"}, "names a column"),
    ],
)
def test_settings_that_a_generator_has_not(given: dict[str, object], piece: str, train: Train, labels: Path) -> None:
    with pytest.raises(UsageError, match=piece):
        train(labels, task="generate", **given)


def test_condition_is_a_setting_of_generators(train: Train, labels: Path) -> None:
    with pytest.raises(UsageError, match="condition is a setting of the tasks generate, caption"):
        train(labels, condition="state")


def test_a_folder_whose_attributes_are_gone(train: Train, labels: Path) -> None:
    run = train(labels, task="generate")
    from recurra import model_folder

    whole = model_folder.read(run.folder)
    preprocessing = {name: value for name, value in whole.preprocessing.items() if name != "attributes"}
    model_folder.write(
        run.folder,
        config=whole.config,
        preprocessing=preprocessing,
        weights=whole.weights(),
        metrics=whole.metrics,
        extra={},
        overwrite=True,
    )
    with pytest.raises(ModelFolderError, match="attributes"):
        recurra.load(run.folder)
