"""Clips and pictures learned from, asked about and shown."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra
from recurra.baselines.frames import feedforward
from recurra.cli import main
from recurra.data.datasets import moving
from recurra.data.frames.sequences import PictureShape
from recurra.data.pictures.showing import png
from recurra.errors import DataError, UsageError
from recurra.tasks.frames.clip_variation import moved
from recurra.tasks.frames.preprocessor import FramesPreprocessor

SMALL: dict[str, Any] = {
    "hidden_size": 8,
    "epochs": 2.0,
    "quiet": True,
    "device": "cpu",
    "threads": 1,
    "task": "frames",
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few of the drawn clips, with a label a frame."""
    folder = tmp_path_factory.mktemp("clips") / "moves"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moving, "draw_clips", lambda: moving_clips(18))
        moving.write_clips(folder, per_frame=True)
    return folder


def moving_clips(count: int) -> list[moving.Clip]:
    return [moving._clip(moving.PAIRS[n % 6], np.random.default_rng([0, n])) for n in range(count)]


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feedforward, "STEPS", 40)
        patch.setattr(feedforward, "ITERATIONS", 5)
        yield


@pytest.fixture(scope="module")
def run(clips: Path) -> recurra.Run:
    return recurra.train(clips, out=clips.parent / "run", encoder_size=8, encoder_width=4, **SMALL)


@pytest.mark.usefixtures("drawn")
def test_frames_of_clips_are_labelled_and_shown(run: recurra.Run, clips: Path) -> None:
    assert run.preprocessor.picture == PictureShape(1, 24, 24, rows=False)
    assert [b["name"] for b in run.metrics["baselines"]][1:] == ["logistic, one frame", "perceptron, 21 frames"]
    (found,) = run.predict(clips / "clip000")
    assert len(found.labels) == len(list((clips / "clip000").iterdir()))
    assert len(run.predict(clips)) == 18
    page = run.report.read_text(encoding="utf-8")
    assert "data:image/png;base64," in page
    assert "Labels over time" in page
    assert run.evaluate(clips)["count"] == sum(len(list(each.iterdir())) for each in clips.glob("clip*"))


def test_arrays_of_bytes_get_the_same_answer(run: recurra.Run, clips: Path) -> None:
    values = run.model.read(clips / "clip003")[0].values.reshape(-1, 24, 24)
    whole = run.predict(clips / "clip003")[0].probabilities
    np.testing.assert_allclose(run.predict([values])[0].probabilities, whole, rtol=1e-5)
    for wrong in (values[:, :5], values[0], values.astype(float) + 200, np.array([[["a"]]])):
        with pytest.raises(UsageError):
            run.predict([wrong])


def test_a_label_is_attributed_to_the_pictures(run: recurra.Run, clips: Path) -> None:
    clip = run.model.read(clips / "clip003")[0]
    found = run.attribute(clip, at=4)
    assert found.values.shape == (1, len(clip.values), 24 * 24)
    difference = found.outputs - found.base_outputs
    assert abs(found.total.sum() - difference[0]) <= 0.01 * max(abs(difference[0]), 0.01 * np.abs(found.total).sum())
    logs = np.log(run.predict([clip])[0].probabilities[4])
    assert found.outputs[0] == pytest.approx((logs - logs.mean()).max(), abs=1e-3)
    mean = np.full_like(clip.values, round(float(run.network.encoder.mean)))
    assert found.base_outputs[0] == pytest.approx(_centred(run, mean, found.targets[0]), abs=0.05)
    assert "mean colour" in found.baseline


def _centred(run: recurra.Run, frames: Any, target: str) -> float:
    """The score of a label of frame 5."""
    logs = np.log(run.predict([frames.reshape(-1, 24, 24)])[0].probabilities[4])
    return float((logs - logs.mean())[run.model.classes.index(target.split(": ")[1])])


@pytest.mark.usefixtures("drawn")
def test_pictures_by_label_have_a_perceptron_beside_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(40):
        folder = tmp_path / "d" / "xy"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 60, (1, 5, 6), np.uint8)
        pixels[0, 1 + 2 * (number % 2)] += 150
        (folder / f"{number}.png").write_bytes(png(pixels))
    run = recurra.train(tmp_path / "d", out=tmp_path / "run", **SMALL | {"epochs": 12.0, "learning_rate": 1e-2})
    assert [b["name"] for b in run.metrics["baselines"]][1:] == [
        "logistic, whole picture",
        "perceptron, whole picture",
        "nearest picture",
    ]
    assert run.metrics["metrics"]["accuracy"] == 1.0
    assert "Pictures" in run.report.read_text(encoding="utf-8")
    (found,) = run.predict(tmp_path / "d" / "x" / "0.png")
    assert found.label == "x"
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    with pytest.raises(DataError, match="the model"):
        run.predict(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"channels": ("x",)}, "channels is read of tables of frames; these data are clips"),
        ({"decimal": ","}, "decimal is read of tables"),
        ({"split_column": "none"}, "no column 'none'"),
    ],
)
def test_settings_that_clips_do_not_read_are_refused(
    clips: Path, tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    with pytest.raises((UsageError, DataError), match=words):
        recurra.train(clips, out=tmp_path / "run", **SMALL | given)


def test_settings_of_clips_are_refused_elsewhere(tmp_path: Path) -> None:
    rows = ["id,x,label", *(f"s{n},{n},{'ab'[n % 2]}" for n in range(20))]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    for given in ({"image_height": 3}, {"encoder_size": 9}):
        with pytest.raises(UsageError, match=next(iter(given))):
            recurra.train(tmp_path / "t.csv", out=tmp_path / "run", **SMALL | given)


def test_a_preprocessor_of_pictures_is_stored_whole() -> None:
    shape = PictureShape(3, 2, 2, rows=False)
    made = FramesPreprocessor(shape.colours, (1.0,) * 3, (2.0,) * 3, False, True, ["a", "b"], picture=shape)
    assert FramesPreprocessor.from_json(made.to_json()) == made
    assert made.input_width == 12
    with pytest.raises(DataError, match="pictures of 2 x 2"):
        FramesPreprocessor.from_json(made.to_json() | {"channels": ["x", "y", "z"]})


def test_clips_are_moved_as_a_whole() -> None:
    shape = PictureShape(1, 4, 5, rows=False)
    values = np.arange(40, dtype=np.uint8).reshape(2, 20)
    seen = {moved(values, shape, 0.5, np.random.default_rng(n)).tobytes() for n in range(30)}
    assert len(seen) > 5
    assert values.tobytes() in seen
    for n in range(5):
        found = shape.pictures(moved(values, shape, 0.5, np.random.default_rng(n)))
        assert (found[1].astype(int) - found[0] == 20).all()


def test_what_happens_in_drawn_clips_and_when() -> None:
    for number, clip in enumerate(moving_clips(12)):
        first, then = moving.PAIRS[number % 6]
        assert clip.label == f"{first} then {then}"
        assert len(clip.frames) == len(clip.labels)
        assert clip.labels[0] == clip.labels[-1] == moving.STILL
        ink = np.abs(clip.frames.astype(float) - np.median(clip.frames, (1, 2), keepdims=True)) > 25
        at = np.array([np.argwhere(one).mean(0) for one in ink])
        size = ink.sum((1, 2))
        step = np.diff(at, axis=0)
        for frame, label in enumerate(clip.labels[1:]):
            across, down = moving.MOVES[label][:2]
            assert abs(step[frame, 1] - 1.2 * across) < 0.75
            assert abs(step[frame, 0] - 1.2 * down) < 0.75
        assert (size.max() > 1.5 * size.min()) == (first in ("grows", "shrinks"))


def test_clips_are_labelled_while_their_frames_arrive(clips: Path, tmp_path: Path) -> None:
    settings = SMALL | {"epochs": 1.0, "bidirectional": False}
    run = recurra.train(clips, out=tmp_path / "run", encoder_size=8, encoder_width=4, **settings)
    values = run.model.read(clips / "clip003")[0].values
    whole = run.predict(clips / "clip003")[0].probabilities
    stream = run.stream()
    said = [each for frame in values.reshape(-1, 24, 24) for each in stream.push(frame)]
    np.testing.assert_allclose([each.probabilities for each in said], whole, rtol=1e-4, atol=1e-6)
    again = run.stream().push(values)
    np.testing.assert_allclose([each.probabilities for each in again], whole, rtol=1e-4, atol=1e-6)


# as a stream on the command line


@pytest.fixture(scope="module")
def watching(clips: Path) -> Path:
    """A model that reads in one direction."""
    recurra.train(
        clips, out=clips.parent / "watching", encoder_size=8, encoder_width=4, bidirectional=False, delay=2, **SMALL
    )
    return clips.parent / "watching"


def test_a_clip_is_labelled_as_it_arrives(
    watching: Path, clips: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = clips / "clip004"
    (whole,) = recurra.load(watching).predict(clip)
    assert main(["predict", str(watching), "--stream", str(clip)]) == 0
    said = capsys.readouterr()
    rows = [line.split("\t") for line in said.out.splitlines()]
    assert [row[:2] for row in rows] == [[str(n), label] for n, label in enumerate(whole.labels, start=1)]
    assert [float(row[2]) for row in rows] == pytest.approx(whole.probabilities.max(1).tolist(), abs=6e-4)
    assert f"{len(rows)} frames in" in said.err
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{path}\n" for path in sorted(clip.iterdir()))))
    assert main(["predict", str(watching), "--stream", "-"]) == 0
    assert capsys.readouterr().out == said.out


def test_what_is_no_clip_is_refused(
    run: recurra.Run, watching: Path, clips: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("nowhere.png\n"))
    for folder, where, message in (
        (run.folder, clips / "clip004", "train it with --no-bidirectional"),
        (watching, clips, "holds folders, as clip000"),
        (watching, clips / "none", "no such file or folder"),
        (watching, "-", "standard input:1: there is no file 'nowhere.png'"),
        (watching, clips / "labels.csv", "labels.csv"),
    ):
        assert main(["predict", str(folder), "--stream", str(where)]) != 0
        said = capsys.readouterr()
        assert said.out == ""
        assert message in said.err
    assert main(["predict", str(watching), "--stream", str(clips / "clip004"), "--rate", "8000"]) != 0
    assert "--rate is of sound; this model reads no sound" in capsys.readouterr().err
