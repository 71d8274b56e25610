"""Whether a classifier is as sure as it may be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import recurra
from recurra import model_folder
from recurra.tasks import calibration
from recurra.tasks.calibration import calibration_error, fitted_temperature, nats, reliability

RNG = np.random.default_rng(0)


def answers(count: int, sharpness: float, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities of a model whose logits are `sharpness` times what they should be, and true labels."""
    logits = RNG.normal(size=(count, classes)) * 2
    truth = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([RNG.choice(classes, p=row) for row in truth])
    logits = logits * sharpness
    return logits - np.log(np.exp(logits).sum(1, keepdims=True)), labels


@pytest.mark.parametrize("sharpness", [0.4, 2.5])
def test_logits_that_are_too_large_or_too_small_are_put_right(sharpness: float) -> None:
    logs, labels = answers(4000, sharpness)
    found = fitted_temperature(logs, labels)
    assert found == pytest.approx(sharpness, rel=0.1)
    others = [nats(logs, labels, found * step).mean() for step in (0.9, 1.1)]
    assert nats(logs, labels, found).mean() < min(others)
    cooled = logs / found
    cooled -= np.log(np.exp(cooled).sum(1, keepdims=True))
    assert calibration_error(cooled, labels) < 0.5 * calibration_error(logs, labels)


def test_what_is_calibrated_already_or_too_little_is_left_alone() -> None:
    logs, labels = answers(18, 3.0)
    assert fitted_temperature(logs, labels) == 1
    flat = np.log(np.full((400, 2), 0.5))
    assert fitted_temperature(flat, np.arange(400) % 2) == 1


def test_a_few_that_are_all_right_do_not_make_it_sure_of_everything() -> None:
    logs = np.log(np.array([[0.6, 0.4], [0.4, 0.6]] * 15))
    cooled = logs / fitted_temperature(logs, np.array([0, 1] * 15))
    assert np.exp(cooled - np.log(np.exp(cooled).sum(1, keepdims=True))).max() < 0.99


def test_the_curve_says_how_often_it_was_right_and_how_sure() -> None:
    logs, labels = answers(2000, 2.0)
    curves = reliability(logs, labels, 1.5, "test")
    ideal, model, before = curves.lines
    assert ideal.dashed
    assert len(model.x) == 10
    assert model.x == sorted(model.x)
    assert all(low <= share <= high for low, share, high in zip(model.low, model.y, model.high, strict=True))
    assert max(before.x) > max(model.x) or before.x != model.x
    assert "temperature of 1.5" in curves.note
    assert len(reliability(logs, labels, 1.0, "test").lines) == 2


@pytest.mark.parametrize("classes", [3, 2000])
def test_few_looks_at_the_logits_find_the_temperature(classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the best one is out of bounds, and of many classes at no more logits than say something."""
    looked = [0]
    plain = calibration.normal

    def counted(logits: np.ndarray) -> np.ndarray:
        looked[0] += logits.size
        return plain(logits)

    monkeypatch.setattr(calibration, "normal", counted)
    monkeypatch.setattr(calibration, "MOST_FITTED", 100 * classes)
    rng = np.random.default_rng(3)
    logs = plain(rng.normal(size=(400, classes)))
    for labels in (logs.argmax(1), rng.integers(classes, size=400), logs.argmin(1)):
        looked[0] = 0
        assert 0.999 * calibration.COLDEST <= calibration._best(logs, labels) <= 1.001 * calibration.HOTTEST
        assert looked[0] <= 20 * 100 * classes


def test_the_temperature_is_where_the_loss_has_no_slope() -> None:
    logs, labels = answers(4000, 1.7)
    found = calibration._best(logs, labels)
    each = 1 / (len(logs) + 3)
    targets = np.full(logs.shape, each) + len(logs) * each * np.eye(3)[labels]

    def loss(temperature: float) -> float:
        return float(-(targets * calibration.normal(logs / temperature)).sum())

    assert loss(found) < min(loss(found * 0.999), loss(found * 1.001))


SMALL = {
    "hidden_size": 6,
    "embedding_size": 4,
    "min_count": 1,
    "num_layers": 1,
    "bidirectional": False,
    "threads": 1,
    "device": "cpu",
    "quiet": True,
    "skip": "none",
}


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Letters that say the class three times of four."""
    rng = np.random.default_rng(1)
    rows = ["text,label"]
    for number in range(300):
        kind = rng.integers(2)
        letter = "ab"[kind] if rng.random() < 0.75 else "ab"[1 - kind]
        rows.append(f"{letter}{number:03d},{'xy'[kind]}")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def calibrate_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    return lambda temperature: monkeypatch.setattr(calibration, "fitted_temperature", lambda *_: temperature)


@pytest.mark.usefixtures("drawn")
def test_a_run_is_calibrated_and_says_so(labelled: Path, tmp_path: Path, calibrate_by: Callable[[float], None]) -> None:
    calibrate_by(1.7)
    run = recurra.train(labelled, out=tmp_path / "run", epochs=2.0, **SMALL)
    calibrate_by(1.0)
    plain = recurra.train(labelled, out=tmp_path / "plain", epochs=2.0, **SMALL)
    assert (run.config["concluded"], plain.config["concluded"]) == ({"temperature": 1.7}, {})
    ours, theirs = (model_folder.read(each.folder).weights() for each in (run, plain))
    for name in ours:
        torch.testing.assert_close(ours[name] * (1.7 if name.startswith("head") else 1), theirs[name])
    texts = ["a123", "b456"]
    assert [p.label for p in run.predict(texts)] == [p.label for p in plain.predict(texts)]
    assert run.predict_proba(texts).max() < plain.predict_proba(texts).max()
    scores = run.metrics["metrics"]
    assert scores["loss"] != plain.metrics["metrics"]["loss"]
    assert scores["accuracy"] == plain.metrics["metrics"]["accuracy"]
    assert recurra.load(run.folder).evaluate()["loss"] == pytest.approx(scores["loss"], rel=1e-6)
    page = run.report.read_text()
    assert "temperature 1.7" in page
    assert "Is it right as often as it says?" in page
    assert "before calibration" in page
    assert "before calibration" not in plain.report.read_text()


def test_a_calibrated_run_goes_on_from_what_it_was_before(
    labelled: Path, tmp_path: Path, calibrate_by: Callable[[float], None]
) -> None:
    found = []
    for name, temperature in (("cool", 3.0), ("plain", 1.0)):
        calibrate_by(temperature)
        recurra.train(labelled, out=tmp_path / name, epochs=1.0, **SMALL)
        calibrate_by(1.0)
        longer = recurra.train(resume=tmp_path / name, epochs=2.0, quiet=True)
        found.append(model_folder.read(longer.folder).weights())
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.usefixtures("drawn")
def test_the_surest_mistakes_name_file_and_line(labelled: Path, tmp_path: Path) -> None:
    run = recurra.train(labelled, out=tmp_path / "run", epochs=1.0, **SMALL)
    page = run.report.read_text()
    rows = page[page.index("Surest mistakes</h2>") :].split("</table>")[0]
    indices = [int(part.split("<")[0]) for part in rows.split("rows.csv:")[1:]]
    assert len(indices) > 4
    lines = labelled.read_text().splitlines()
    for place, row in zip(indices, rows.split("<tr>")[2:], strict=True):
        text, label = lines[place - 1].split(",")
        assert f">{text}<" in row
        assert f"<bdi>{label}</bdi>" in row
