"""Several networks of one run: each as it is alone, their mean, what the folder holds, what is refused by name."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import recurra
from recurra import model_folder
from recurra.api import ensemble, training
from recurra.errors import DivergedError, StoppedError, UsageError
from recurra.training.history import Point
from tests.laws.tasks.tiny_tasks import SMALL, TINY

RUN: dict[str, Any] = SMALL | {"threads": 1, "epochs": 1.0}
PREFIX = "members.1."


def weights(run: recurra.Run) -> dict[str, torch.Tensor]:
    return model_folder.read(run.folder).weights()


class StopAt:
    """Raises a signal at an evaluation."""

    def __init__(self, number: int) -> None:
        self.left = number

    def on_evaluation(self, point: Point, best: bool) -> None:
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("task", ["classify", pytest.param("tag", marks=pytest.mark.slow)])
def test_each_network_is_what_it_is_alone_and_the_folder_holds_all(task: str, tmp_path: Path) -> None:
    data = TINY[task].write(tmp_path)
    run = recurra.train(data, out=tmp_path / "run", ensemble=2, seed=3, skip="linear", **RUN)
    alone = recurra.train(data, out=tmp_path / "alone", seed=4, split_seed=3, skip="none", **RUN)
    own, head = weights(alone), ("head.weight", "head.bias")
    temperature = alone.config["concluded"].get("temperature", 1.0)  # of one network alone, which an ensemble has not
    found = {name.removeprefix(PREFIX): value for name, value in weights(run).items() if name.startswith(PREFIX)}
    assert found.keys() == own.keys()
    for name, value in own.items():
        same = torch.allclose(value * temperature, found[name]) if name in head else torch.equal(value, found[name])
        assert same, name
    again = recurra.load(run.folder)
    assert again.evaluate() == run.evaluate()
    assert again.evaluate()["loss"] == pytest.approx(run.metrics["metrics"]["loss"], rel=1e-5)
    page = run.report.read_text()
    assert "Networks of the ensemble</h2>" in page
    assert "Linear skip</h2>" in page
    assert any("2 networks: " in note for note in run.config["notes"])
    assert [path.name for path in run.folder.glob("*.safetensors")] == ["weights.safetensors"]
    _check_attribution(run, TINY[task].asked[0])


def _check_attribution(run: recurra.Run, given: Any) -> None:
    """What the answers of all networks together are due to sums to their scores."""
    found, slow = run.attribute(given), run.attribute(given, engine="reference")
    assert "recurrent networks" in found.parts
    for name, values in found.parts.items():
        np.testing.assert_allclose(values, slow.parts[name], rtol=0, atol=1e-5)
    rest = 0.0 if found.beside is None else found.beside.rest
    difference = found.outputs - found.base_outputs
    missed, size = np.abs(found.total.sum(1) + rest - difference), np.abs(found.total).sum(1)
    assert (missed <= 0.01 * np.maximum(np.abs(difference), 0.01 * size)).all()
    assert np.abs(found.parts["recurrent networks"]).max() > 0
    if run.task == "classify":
        logs = np.log(run.predict_proba([given])[0].astype(np.float64))
        assert found.outputs[0] == pytest.approx((logs - logs.mean()).max(), abs=1e-4)


def test_a_classifier_answers_with_the_mean_of_probabilities(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = TINY["classify"].write(tmp_path)
    run = recurra.train(data, out=tmp_path / "run", ensemble=3, skip="none", **RUN | {"quiet": False})
    said = capsys.readouterr().err
    assert "examples: " in said
    assert "network 3 of 3, seed 2" in said
    texts = ["abcab", "hhgfe", "ab"]
    network = run.network
    assert len(network.members) == 3
    assert sum(p.numel() for p in network.parameters()) == run.metrics["parameters"]
    together = run.predict_proba(texts)
    sharpness = float(network.sharpness)
    encoded = [torch.from_numpy(run.preprocessor.vocabulary.encode(text)).unsqueeze(0) for text in texts]
    with torch.inference_mode():
        mean = torch.cat([torch.stack([m(ids)[0].softmax(-1) for m in network.members]).mean(0) for ids in encoded])
    assert np.allclose(together, (mean.log() * sharpness).softmax(-1).numpy(), atol=1e-6)
    assert sharpness == pytest.approx(1 / run.config["concluded"].get("temperature", 1.0))
    with pytest.raises(UsageError, match="several networks"):
        run.nearest("a")
    with pytest.raises(UsageError, match="show one pass, being several networks"):
        run.trace("abcab")


def test_minutes_are_those_of_all_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit, given = ensemble.fit, []

    def noted(trainee: Any, settings: Any, **more: Any) -> Any:
        given.append(settings.minutes)
        return fit(trainee, settings, **more)

    monkeypatch.setattr(ensemble, "fit", noted)
    monkeypatch.setattr("recurra.api.budget.FEWEST", 2)
    monkeypatch.setattr("recurra.api.budget.FOR_SCORES", 0.0)
    data = TINY["classify"].write(tmp_path)
    minutes = 0.02
    run = recurra.train(data, out=tmp_path / "run", ensemble=2, minutes=minutes, **RUN | {"epochs": 1e6})
    assert len(given) == 2
    assert given[0] == given[1]
    assert sum(given) <= minutes
    assert run.settings.training.minutes == minutes
    assert any("2 networks: " in note and "on the test part, 2 of its " in note for note in run.config["notes"])
    assert "Scores of the test part, 2 of its " in run.report.read_text()


def test_a_signal_leaves_the_networks_that_are_finished(tmp_path: Path) -> None:
    data = TINY["classify"].write(tmp_path)
    first = recurra.train(data, out=tmp_path / "first", seed=0, skip="none", **RUN)
    per_network = len(first.history)
    with pytest.raises(
        StoppedError, match=r"(?s)stopped by SIGINT; no network was finished.*an ensemble is not resumed"
    ):
        recurra.train(data, out=tmp_path / "none", ensemble=3, callbacks=[StopAt(1)], **RUN)
    assert not (tmp_path / "none").exists()
    for done, words in ((1, "the 1 network that"), (2, "the 2 networks that")):
        folder = tmp_path / f"stopped{done}"
        with pytest.raises(StoppedError, match=f"holds {words}"):
            recurra.train(data, out=folder, ensemble=3, callbacks=[StopAt(done * per_network + 1)], **RUN)
        run = recurra.load(folder)
        assert run.metrics["status"] == "stopped"
        assert run.settings.training.ensemble == done
        assert run.predict_proba(["abcab"]).shape == (1, 2)
    with pytest.raises(UsageError, match="is an ensemble: its networks"):
        recurra.train(resume=tmp_path / "stopped2", quiet=True)


def test_what_an_ensemble_cannot_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "check_log", lambda _: None)  # whether or not its package is here
    data = TINY["classify"].write(tmp_path)
    run = recurra.train(data, out=tmp_path / "run", ensemble=2, **RUN)
    with pytest.raises(UsageError, match="run is an ensemble: its networks are trained one after the other"):
        recurra.train(resume=run.folder, epochs=3.0, quiet=True)
    with pytest.raises(UsageError, match="is an ensemble of 2 networks; begin with one"):
        recurra.train(data, start_from=run.folder, quiet=True)
    with pytest.raises(UsageError, match="shows the curves of one network"):
        recurra.train(data, ensemble=2, log="tensorboard", **RUN)
    with pytest.raises(UsageError, match="watch looks at one network"):
        recurra.train(data, ensemble=2, watch=True, **RUN)
    single = recurra.train(data, out=tmp_path / "single", **RUN)
    with pytest.raises(UsageError, match="leave ensemble out"):
        recurra.train(data, start_from=single.folder, ensemble=2, epochs=1.0, quiet=True)
    with pytest.raises(UsageError, match="ensemble is a setting of the tasks classify, tag"):
        recurra.train(TINY["fill"].write(tmp_path), task="fill", ensemble=2, **RUN)


def test_one_that_diverges_leaves_those_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit, calls = ensemble.fit, []

    def second_diverges(*given: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise DivergedError("the loss stopped being a number")
        return fit(*given, **more)

    monkeypatch.setattr(ensemble, "fit", second_diverges)
    with pytest.raises(DivergedError, match=r"stopped being a number; .* holds the 1 network that had finished"):
        recurra.train(TINY["classify"].write(tmp_path), out=tmp_path / "run", ensemble=2, **RUN)
    assert recurra.load(tmp_path / "run").metrics["status"] == "diverged"


def test_word_vectors_go_to_every_network(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [f"{'good' if n % 2 else 'bad'} film number {n},{n % 2}" for n in range(80)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    given = {"level": "word", "train_vectors": True, "freeze_vectors": True, "min_count": 1}
    run = recurra.train(path, out=tmp_path / "run", ensemble=2, **RUN | given)
    first, second = (weights(run)[f"members.{number}.table.weight"] for number in range(2))
    assert torch.equal(first, second)
