"""The linear skip of a tagger: chosen on validation, whole in its folder, gone on from."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

import recurra
from recurra import model_folder

SMALL: dict[str, Any] = {
    "hidden_size": 4,
    "embedding_size": 4,
    "char_size": 3,
    "threads": 1,
    "device": "cpu",
    "quiet": True,
    "learning_rate": 1e-4,
}


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words of which the end tells the tag, too many for a network that has hardly learned."""
    rng, lines = random.Random(0), []
    for _ in range(150):
        for _ in range(6):
            stem = "".join(rng.choices("bcdfgh", k=4))
            end, tag = rng.choice((("ing", "VERB"), ("ly", "ADV"), ("er", "NOUN")))
            lines.append(f"{stem}{end} {tag}")
        lines.append("")
    path = tmp_path_factory.mktemp("skip") / "ends.conll"
    path.write_text("\n".join(lines) + "\n")
    return path


def weights(run: recurra.Run) -> dict[str, torch.Tensor]:
    return model_folder.read(run.folder).weights()


@pytest.mark.usefixtures("drawn")
def test_validation_asks_for_it_and_the_folder_holds_it(tagged: Path, tmp_path: Path) -> None:
    run = recurra.train(tagged, out=tmp_path / "run", epochs=1.0, **SMALL)
    without = recurra.train(tagged, out=tmp_path / "none", epochs=1.0, skip="none", **SMALL)
    accuracy, alone = (each.metrics["metrics"]["accuracy"] for each in (run, without))
    assert accuracy > 0.95 > alone
    assert run.config["concluded"]["skip_share"] > 0
    assert without.config["concluded"] == {}
    assert any("a linear skip of tokens, their affixes and neighbours is added" in note for note in run.config["notes"])
    assert "Linear skip</h2>" in run.report.read_text()
    assert any(b["name"] == "logistic, token, affixes and neighbours" for b in run.metrics["baselines"])
    again = recurra.load(run.folder)
    assert again.evaluate()["loss"] == pytest.approx(run.metrics["metrics"]["loss"], rel=1e-6)
    assert [found.tags for found in again.predict(["bcdfing ghbcly"])] == [["VERB", "ADV"]]
    for name, value in weights(without).items():
        if not name.startswith("head."):
            assert torch.equal(value, weights(run)[name]), name  # it is no part of training


@pytest.mark.slow
def test_a_run_with_it_goes_on_bit_for_bit(tagged: Path, tmp_path: Path) -> None:
    whole = recurra.train(tagged, out=tmp_path / "whole", epochs=2.0, schedule="constant", **SMALL)
    recurra.train(tagged, out=tmp_path / "part", epochs=1.0, schedule="constant", **SMALL)
    resumed = recurra.train(resume=tmp_path / "part", epochs=2.0, quiet=True)
    assert whole.config["concluded"] == resumed.config["concluded"]
    for name, value in weights(whole).items():
        if name.startswith("skip."):
            assert torch.equal(value, weights(resumed)[name]), name
    longer = recurra.train(tagged, start_from=whole.folder, out=tmp_path / "from", epochs=1.0, quiet=True)
    assert torch.equal(weights(whole)["skip.keys"], weights(longer)["skip.keys"])
