"""N to 1 and N to N over frames: what is learned of the training part, what is asked, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra
from recurra.data.frames.sequences import Frames
from recurra.errors import DataError, UsageError
from recurra.tasks import calibration
from recurra.tasks.frames.data import prepare
from recurra.tasks.frames.preprocessor import FramesPreprocessor
from recurra.tasks.frames.settings import DEFAULTS, FramesDataSettings
from recurra.tasks.frames.trainee import FramesTrainee
from recurra.tasks.sources.resolving import resolve

SMALL: dict[str, Any] = {"hidden_size": 8, "epochs": 8.0, "quiet": True, "device": "cpu", "task": "frames"}


def write(folder: Path, name: str, rows: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def moves(count: int, *, offset: float = 0.0) -> list[str]:
    return ["id,x,y,label"] + [
        f"s{n},{offset + (step if n % 2 else -step)},{n % 3},{'up' if n % 2 else 'down'}"
        for n in range(count)
        for step in range(3 + n % 4)
    ]


def recordings(folder: Path, count: int = 5) -> Path:
    """Files of frames: the label is whether the last three frames rose, which needs memory."""
    rng = np.random.default_rng(0)
    for n in range(count):
        x = rng.normal(size=60)
        label = np.convolve(x, np.ones(3), "full")[:60] > 0
        rows = [f"{step},{v:.4f},{'high' if up else 'low'}" for step, (v, up) in enumerate(zip(x, label, strict=True))]
        write(folder, f"r{n}.csv", ["frame,x,phase", *rows])
    return folder


def data_of(path: Path, **given: Any) -> Any:
    return prepare(resolve(path, "frames"), FramesDataSettings(**given), seed=0, kept=None)


def test_scales_are_those_of_the_training_part(tmp_path: Path) -> None:
    write(tmp_path / "d", "train.csv", moves(20))
    write(tmp_path / "d", "test.csv", moves(6, offset=1000.0))
    made = data_of(tmp_path / "d")
    train = np.concatenate([one.values for one in made.parts["train"].sequences])
    np.testing.assert_allclose(made.preprocessor.mean, train.mean(0))
    np.testing.assert_allclose(made.preprocessor.deviation, train.std(0))
    assert np.abs(np.concatenate(made.parts["train"].encoded).mean(0)).max() < 1e-6
    assert len(made.parts["validation"]) == 2
    assert any("split off the training part" in note for note in made.notes)


def test_a_missing_value_is_the_mean_and_said_to_be_missing() -> None:
    made = FramesPreprocessor(("x", "y"), (2.0, 0.0), (2.0, 1.0), True, False, ["a", "b"])
    np.testing.assert_allclose(made.encode(np.array([[4.0, np.nan]])), [[1, 0, 0, 1]])
    assert made.input_width == 4
    assert FramesPreprocessor.from_json(made.to_json()) == made


def test_a_sequence_may_be_moved_to_its_own_mean() -> None:
    """Deviations are those from each sequence's mean in training: 1 of the first channel, none of the second."""
    train = [
        Frames("a", np.array([[1.0, 5.0], [3.0, 5.0]]), ("x",)),
        Frames("b", np.array([[9.0, 7.0], [11.0, 7.0]]), ("y",)),
    ]
    made = FramesPreprocessor.of(train, ("a", "b"), ["x", "y"], per_frame=False, scale="mean")
    assert made.deviation == (1.0, 1.0)
    assert made.encode(np.array([[100.0, 0.0], [104.0, np.nan]])).tolist() == [[-2, 0], [2, 0]]
    assert FramesPreprocessor.from_json(made.to_json()) == made


def test_a_sequence_may_be_scaled_by_itself() -> None:
    made = FramesPreprocessor(("x",), (100.0,), (50.0,), False, True, ["a", "b"], "sequence")
    np.testing.assert_allclose(made.encode(np.array([[1.0], [3.0]]))[:, 0], [-1, 1])
    np.testing.assert_allclose(made.encode(np.array([[7.0]]))[:, 0], [0])
    assert FramesPreprocessor.from_json(made.to_json()).scale == "sequence"


def test_files_of_a_folder_are_recordings_and_none_is_cut(tmp_path: Path) -> None:
    made = data_of(recordings(tmp_path / "d"), split=(0.6, 0.2, 0.2))
    assert made.preprocessor.per_frame
    assert {name: [len(one) for one in part.sequences] for name, part in made.parts.items()} == {
        "train": [60] * 3,
        "validation": [60],
        "test": [60],
    }


def test_long_sequences_are_trained_in_pieces_that_cover_them(tmp_path: Path) -> None:
    made = data_of(recordings(tmp_path / "d"), split=(0.6, 0.2, 0.2))
    training = DEFAULTS.settings.training.model_copy(update={"max_frames": 25, "batch_size": 4, "noise": 0.0})
    trainee = FramesTrainee(None, made, training)  # type: ignore[arg-type]
    sizes = []
    for epoch in (0, 1):
        batches = list(trainee.batches(epoch))
        assert len(batches) == trainee.steps(epoch)
        assert sum(int(batch.lengths.sum()) for batch in batches) == sum(len(b.classes) for b in batches) == 180
        sizes.append(sorted(int(length) for batch in batches for length in batch.lengths))
    assert max(sizes[0]) == 25
    assert sizes[0] != sizes[1]


@pytest.mark.usefixtures("drawn")
def test_a_label_for_each_frame(tmp_path: Path) -> None:
    folder = recordings(tmp_path / "d", 8)
    run = recurra.train(folder, out=tmp_path / "run", **SMALL | {"epochs": 60.0, "split": (0.6, 0.2, 0.2)})
    scored = {each["name"]: each["metrics"]["accuracy"] for each in run.metrics["baselines"]}
    assert list(scored)[1:] == ["logistic, one frame", "perceptron, 21 frames"]
    assert run.metrics["metrics"]["accuracy"] > scored["logistic, one frame"] + 0.05
    (found,) = run.predict(folder / "r0.csv")
    assert len(found.labels) == 60
    assert found.probabilities.shape == (60, 2)
    stretches = found.stretches()
    assert [stretches[0].start, stretches[-1].stop] == [0, 60]
    assert all(a.stop == b.start and a.label != b.label for a, b in pairwise(stretches))
    page = run.report.read_text(encoding="utf-8")
    assert "Labels over time" in page
    assert "nats per frame" in page


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> recurra.Run:
    folder = tmp_path_factory.mktemp("frames")
    return recurra.train(write(folder, "moves.csv", moves(40)), out=folder / "run", **SMALL | {"epochs": 30.0})


def test_arrays_frames_and_files_get_the_same_answer(run: recurra.Run, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    values = np.array([[0.0, 1], [1, 1], [2, 1]])
    path = write(tmp_path, "new.csv", ["x,y", "0,1", "1,1", "2,1"])
    frame = polars.DataFrame({"x": values[:, 0], "y": values[:, 1], "other": ["a", "b", "c"]})
    for asked in (values, [values], values[None], values.tolist(), path, str(path), frame):
        (answer,) = run.predict(asked, top=2)
        assert [label for label, _ in answer.classes] == ["up", "down"]
        assert answer.label == "up"
    assert run.predict_proba(np.stack([values, -values])).shape == (2, 2)
    assert run.predict([]) == []


@pytest.mark.parametrize(
    "asked", [np.zeros((3, 5)), np.full((2, 2), np.inf), np.zeros((0, 2)), ["a"], {"x": [1.0]}], ids=str
)
def test_a_sequence_that_is_none_is_refused(run: recurra.Run, asked: Any) -> None:
    with pytest.raises(UsageError):
        run.predict(asked)


@pytest.mark.usefixtures("drawn")
def test_one_label_a_sequence_is_calibrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "fitted_temperature", lambda *_: 1.7)
    data = write(tmp_path, "moves.csv", moves(20))
    cool = recurra.train(data, out=tmp_path / "cool", **SMALL | {"epochs": 2.0})
    monkeypatch.setattr(calibration, "fitted_temperature", lambda *_: 1.0)
    plain = recurra.train(data, out=tmp_path / "plain", **SMALL | {"epochs": 2.0})
    assert (cool.config["concluded"], plain.config["concluded"]) == ({"temperature": 1.7}, {})
    asked = [np.array([[0.0, 1], [1, 1], [2, 1]])]
    assert cool.predict_proba(asked).max() < plain.predict_proba(asked).max()
    assert "Is it right as often as it says?" in cool.report.read_text(encoding="utf-8")
    assert "Sequences of the test part" in cool.report.read_text(encoding="utf-8")


@pytest.mark.slow
def test_arrays_in_memory_are_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    rows = [np.linspace([0, 0], [1 - 2 * (n % 2), np.nan if n % 3 == 0 else n], 4 + n % 2) for n in range(30)]
    run = recurra.train(rows, labels=[n % 2 for n in range(30)], out=tmp_path / "run", **SMALL | {"epochs": 1.0})
    assert run.preprocessor.channels == ("c1", "c2")
    assert run.preprocessor.gaps
    per_frame = [[f"k{step % 2}" for step in range(len(row))] for row in rows]
    again = recurra.train(rows, labels=per_frame, out=tmp_path / "again", **SMALL | {"epochs": 1.0})
    assert again.preprocessor.per_frame
    with pytest.raises(UsageError, match="4 frames and 1 labels"):
        recurra.train(rows, labels=[["a"]] * 30, out=tmp_path / "none", **SMALL)
    with pytest.raises(UsageError, match="need labels"):
        recurra.train(rows, out=tmp_path / "none", **SMALL)


def test_new_data_of_unknown_labels_or_channels_are_refused(run: recurra.Run, tmp_path: Path) -> None:
    assert run.evaluate(write(tmp_path, "same.csv", moves(10)))["count"] == 10
    with pytest.raises(DataError, match="never in training") as error:
        run.evaluate(write(tmp_path, "other.csv", ["id,x,y,label", "a,1,2,left", "a,1,2,left"]))
    assert error.value.line == 2
    with pytest.raises(DataError, match="no column 'y'"):
        run.evaluate(write(tmp_path, "fewer.csv", ["id,x,label", "a,1,up", "a,2,up"]))


def test_one_class_is_refused(tmp_path: Path) -> None:
    rows = ["id,x,label", *(f"s{n},{n},up" for n in range(20))]
    with pytest.raises(DataError, match="two classes"):
        data_of(write(tmp_path, "moves.csv", rows))


def test_blocks_of_recordings_are_parts_of_them(tmp_path: Path) -> None:
    made = data_of(recordings(tmp_path / "d", 2), split=(0.5, 0.3, 0.2), block_frames=13, scale="sequence")
    blocks = [one for part in made.parts.values() for one in part.sequences]
    assert sorted(len(one) for one in blocks) == [12] * 10
    assert {one.name for one in blocks} >= {"r0, frames 1 to 12", "r1, frames 49 to 60"}
    assert any("2 recordings are cut into 10 blocks of up to 13 frames" in note for note in made.notes)
    for part in made.parts.values():
        for one, encoded, labels in zip(part.sequences, part.encoded, part.labels, strict=True):
            assert one.origin is not None
            whole = made.preprocessor.encode(one.origin.values)
            np.testing.assert_array_equal(encoded, whole[one.start : one.start + 12])
            assert [made.preprocessor.classes[k] for k in labels] == list(one.origin.labels[one.start : one.start + 12])
    rows = ["frame,x,phase,user", *(f"{n},{n % 7},{'ab'[n % 2]},me" for n in range(30))]
    one = write(tmp_path, "user.csv", rows)
    with pytest.raises(UsageError, match="group keeps recordings whole, block_frames cuts them"):
        data_of(one, block_frames=13, group="user")
    write(tmp_path, "moves.csv", moves(20))
    with pytest.raises(UsageError, match="here each has one label"):
        data_of(tmp_path / "moves.csv", block_frames=2)


def test_rows_of_one_recording_are_divided_only_if_blocks_are_asked_for(tmp_path: Path) -> None:
    rows = ["frame,x,phase,part", *(f"{n},{n % 7},{'ab'[n % 2]},{'train' if n % 3 else 'test'}" for n in range(30))]
    with pytest.raises(DataError, match="the part of the sequence 'r' is 'test', then 'train'"):
        data_of(write(tmp_path, "r.csv", rows), split_column="part")
    with pytest.raises(DataError, match="frames of one sequence do not go into two"):
        data_of(write(tmp_path, "r.csv", rows))
    made = data_of(write(tmp_path, "r.csv", rows), block_frames=1)
    assert any("a frame stands alone" in note for note in made.notes)


def test_roots_keep_signs_and_are_taken_before_scaling() -> None:
    made = FramesPreprocessor(("x",), (1.0,), (2.0,), False, True, ["a", "b"], root=True)
    np.testing.assert_allclose(made.encode(np.array([[9.0], [-4.0]]))[:, 0], [1.0, -1.5])
    assert FramesPreprocessor.from_json(made.to_json()) == made
