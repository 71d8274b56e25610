"""A generator of frames: what it learns, how it draws, what goes into files, and what is refused."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import recurra
from recurra.cli import main
from recurra.data.frames.sequences import Frames
from recurra.errors import DataError, UnknownNameError, UsageError
from recurra.tasks.generate_frames.baselines import baselines
from recurra.tasks.generate_frames.data import prepare
from recurra.tasks.generate_frames.drawing import draw
from recurra.tasks.generate_frames.model import FramesGenerator
from recurra.tasks.generate_frames.preprocessor import GenerateFramesPreprocessor
from recurra.tasks.generate_frames.samples import Drawn, mean_course, quality, recogniser
from recurra.tasks.generate_frames.settings import DEFAULTS
from recurra.tasks.generate_frames.trainee import batch_of
from recurra.tasks.sequences.settings import SequenceSettings
from recurra.tasks.sources.resolving import resolve
from recurra.topologies.frame_generator import FrameGenerator
from tests.data.sound import sines

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "condition_size": 8,
    "reader_size": 16,
    "threads": 1,
    "reader_dropout": 0.1,
    "quiet": True,
    "device": "cpu",
}


def gestures(folder: Path, count: int = 60) -> Path:
    """Sequences of 6 to 9 frames whose first channel rises or falls, the second one noise."""
    rng, rows = np.random.default_rng(0), ["id,x,y,label"]
    for number in range(count):
        up, length = number % 2, int(rng.integers(6, 10))
        for step in range(length):
            x = 100 + (1 if up else -1) * 10 * step + rng.normal()
            rows.append(f"s{number},{x:.3f},{rng.normal():.3f},{('down', 'up')[up]}")
    path = folder / "gestures.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> recurra.Run:
    folder = tmp_path_factory.mktemp("gestures")
    return recurra.train(
        gestures(folder), task="generate-frames", out=folder / "run", epochs=60.0, batch_size=8,
        learning_rate=1e-2, **SMALL,
    )  # fmt: skip


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> recurra.Run:
    pytest.importorskip("soundfile")
    folder = tmp_path_factory.mktemp("voice")
    return recurra.train(
        sines.folders(folder / "sounds", 20), task="generate-frames", out=folder / "run", epochs=1.0, mels=12, **SMALL
    )


def data_of(path: Path, **given: Any) -> Any:
    return prepare(resolve(path, task="generate-frames"), SequenceSettings(**given), seed=0, kept=None)


# drawing


def test_it_draws_what_a_class_does(run: recurra.Run) -> None:
    for name, sign in (("up", 1), ("down", -1)):
        found = run.generate(condition=name, count=20, temperature=0.5, seed=1)
        assert {one.condition for one in found} == {name}
        rises = [sign * np.diff(one.frames[:, 0]).mean() for one in found if len(one.frames) > 1]
        assert np.mean(rises) == pytest.approx(10, rel=0.3)
        assert 5 <= np.mean([len(one.frames) for one in found]) <= 10
        assert all(one.frames.shape[1] == 2 for one in found)


def test_the_loss_is_below_that_of_every_baseline(run: recurra.Run) -> None:
    own = run.metrics["metrics"]["nats_per_number"]
    assert own == run.metrics["metrics"]["loss"]
    assert len(run.metrics["baselines"]) == 3
    assert all(own < one["metrics"]["nats_per_number"] for one in run.metrics["baselines"])


def test_a_row_draws_from_numbers_of_its_own(run: recurra.Run) -> None:
    model = run.model
    assert isinstance(model, FramesGenerator)
    alone = draw(model.network, model.preprocessor, [0], length=9, seed=4)[0]  # type: ignore[arg-type]
    beside = draw(model.network, model.preprocessor, [0, 1, 0], length=9, seed=4)  # type: ignore[arg-type]
    np.testing.assert_allclose(beside[0][0], alone[0], rtol=1e-5, atol=1e-6)
    assert not np.allclose(beside[2][0][:1], alone[0][:1])


def test_without_temperature_the_seed_says_nothing(run: recurra.Run) -> None:
    (a,), (b,) = (run.generate(condition="up", temperature=0, seed=seed) for seed in (1, 2))
    np.testing.assert_array_equal(a.frames, b.frames)
    (c,), (d,) = (run.generate(condition="up", temperature=1, seed=seed) for seed in (1, 2))
    assert c.frames.shape != d.frames.shape or not np.allclose(c.frames, d.frames)


def test_what_is_drawn_stays_within_training(run: recurra.Run) -> None:
    made = run.model.preprocessor  # type: ignore[attr-defined]
    for one in run.generate(count=10, temperature=10, seed=0):
        assert (one.frames >= np.array(made.low) - 1e-3).all()
        assert (one.frames <= np.array(made.high) + 1e-3).all()


def test_a_cut_sequence_says_so(run: recurra.Run) -> None:
    assert [(len(one.frames), one.ended) for one in run.generate(count=3, length=2, seed=0)] == [(2, False)] * 3


def test_classes_are_drawn_as_often_as_in_training(run: recurra.Run) -> None:
    names = [one.condition for one in run.generate(count=100, length=1, seed=0)]
    assert 30 <= names.count("up") <= 70


# learning


def test_missing_values_cost_nothing_and_are_read_as_the_mean(tmp_path: Path) -> None:
    made = GenerateFramesPreprocessor.of([Frames("a", np.array([[1.0, np.nan], [3.0, 5.0]]), ("x",))], ("a", "b"))
    assert (made.mean, made.deviation) == ((2.0, 5.0), (1.0, 1.0))
    batch = batch_of([made.encode(np.array([[1.0, np.nan], [3.0, 5.0]]))], [0])
    assert batch.inputs.frames.tolist() == [[[0, 0], [-1, 0]]]
    torch.manual_seed(0)
    network = FrameGenerator(2, [1], DEFAULTS.settings.network).eval()
    costs, _ = network.losses(batch)
    found = network.said(network(batch.inputs)[0][0, 0])
    away = (-1 - found.means[0, 0]) / found.scales[0, 0].exp()
    expected = 0.5 * away**2 + found.scales[0, 0] + 0.5 * math.log(2 * math.pi) - (-found.end).sigmoid().log()
    torch.testing.assert_close(costs[0], expected)


def test_the_gaussian_of_each_class_by_hand(tmp_path: Path) -> None:
    rows = ["id,x,label"] + [f"{n},{value + n / 1e6},{'ab'[n % 2]}" for n in range(8) for value in (n % 2, n % 2 + 1)]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    data = data_of(tmp_path / "a.csv", split=(0.5, 0.25, 0.25))
    first = baselines(data, data.parts["test"])[0]
    scaled = data.preprocessor.encode(np.array([[0.0], [1.0]])).ravel()
    deviation = (scaled[1] - scaled[0]) / 2
    ends = 2 * math.log(2)  # each second frame is the last one
    expected = 0.5 + math.log(deviation) + 0.5 * math.log(2 * math.pi) + ends / 2
    assert first.metrics["nats_per_number"] == pytest.approx(expected, rel=1e-4)


def test_what_is_drawn_is_held_against_real_sequences(tmp_path: Path) -> None:
    data = data_of(gestures(tmp_path))
    recognise, train = recogniser(data), data.parts["train"]
    itself = quality(Drawn(train.encoded, train.labels), data, recognise)
    assert itself["recognised"] == 1
    assert itself["from_training"] == pytest.approx(0, abs=1e-6)
    assert itself["apart"] > 0.1
    labels = np.arange(6) % 2
    course = quality(mean_course(data, labels), data, recognise)
    assert course["recognised"] == 1
    assert course["apart"] == pytest.approx(0, abs=1e-6)
    turned = quality(Drawn(train.encoded, 1 - train.labels), data, recognise)
    assert turned["recognised"] == 0


# files


def test_a_table_of_what_was_drawn_can_be_learned_from(run: recurra.Run, tmp_path: Path) -> None:
    found = run.generate(count=5, seed=0)
    assert run.model.save(found, tmp_path / "drawn.csv") == [tmp_path / "drawn.csv"]  # type: ignore[attr-defined]
    with open(tmp_path / "drawn.csv", encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["id", "x", "y", "label"]
    assert len(rows) == sum(len(one.frames) for one in found)
    assert run.evaluate(tmp_path / "drawn.csv")["count"] == len(rows)


def test_sound_goes_into_files(voice: recurra.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import soundfile

    folder, place = str(voice.folder), tmp_path / "low.wav"
    assert main(["generate", folder, "--class", "low", "--out", str(place), "--seed", "1"]) == 0
    samples, rate = soundfile.read(place, dtype="float32")
    (one,) = voice.generate(condition="low", temperature=0.8, seed=1)
    assert rate == 8000
    assert len(samples) == 80 * (len(one.frames) - 1) + 200
    expected = one.samples()
    np.testing.assert_allclose(samples, expected / max(1, np.abs(expected).max()), atol=1e-3)
    capsys.readouterr()
    assert main(["generate", folder, "-n", "12", "--out", str(tmp_path / "many.flac")]) == 0
    assert sorted(path.name for path in tmp_path.glob("many*"))[::11] == ["many-01.flac", "many-12.flac"]
    assert "12 files" in capsys.readouterr().err
    assert main(["generate", folder, "--json", "--class", "low"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["texts"]
    assert found["class"] == "low"
    assert {len(frame) for frame in found["frames"]} == {12}
    report = (voice.folder / "report.html").read_text(encoding="utf-8")
    assert report.count("data:audio/wav") == 4
    assert "low, drawn" in report
    assert "low, real" in report


# refusals


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prompt": "a"}, "a prompt is text"),
        ({"top_k": 3}, "top_k is of models that draw tokens"),
        ({"temperature": -1.0}, "from 0 to 10, got -1"),
        ({"temperature": math.nan}, "got nan"),
        ({"length": 0}, "from 1; got 0"),
        ({"stop": "x"}, "reads no option stop"),
    ],
)
def test_options_that_cannot_be(run: recurra.Run, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run.generate(**given)


def test_a_class_that_there_is_not(run: recurra.Run) -> None:
    with pytest.raises(UnknownNameError, match="up"):
        run.generate(condition="upp")


def test_names_that_cannot_be_written(run: recurra.Run, voice: recurra.Run, tmp_path: Path) -> None:
    for one, name, message in ((run, "a.wav", "end in .csv"), (voice, "a.csv", "end in .wav, .flac, .ogg")):
        found = one.generate(count=1, seed=0)
        with pytest.raises(UsageError, match=message):
            one.model.save(found, tmp_path / name)  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="no folder"):
        voice.model.save(voice.generate(seed=0), tmp_path / "none" / "a.wav")  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="give --out NAME"):
        voice.model.written(voice.generate(seed=0))  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="not sound"):
        run.generate(seed=0)[0].samples()


def test_data_that_cannot_be_learned_from(tmp_path: Path) -> None:
    (tmp_path / "frames.csv").write_text("id,x,label\n" + "".join(f"s{n // 3},{n},{n % 2}\n" for n in range(30)))
    with pytest.raises(DataError, match="2 labels; what is generated is of one class"):
        data_of(tmp_path / "frames.csv")
    path = gestures(tmp_path)
    with pytest.raises(UsageError, match="mels is a setting of sound"):
        data_of(path, mels=20)
    text = path.read_text()
    path.write_text("\n".join(f"{row},{'z' if place == 0 else ''}" for place, row in enumerate(text.splitlines())))
    with pytest.raises(DataError, match="'z' has no value"):
        data_of(path, channels=("x", "z"))


def test_data_that_a_model_cannot_be_evaluated_on(run: recurra.Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,x,y,label\n1,1,2,left\n2,1,2,up\n")
    with pytest.raises(DataError, match="'left' of 1 sequences is not in the training part; there are 'down', 'up'"):
        run.evaluate(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("id,x,label\n1,1,up\n2,1,up\n")
    with pytest.raises(DataError, match="trained on the channels"):
        run.evaluate(tmp_path / "b.csv")
