"""Labels that arrive with their frames are those of the whole, whatever the pieces; who cannot says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import recurra
from recurra.errors import UsageError
from recurra.tasks.frames.model import FrameLabeller, FramesModel, SequenceClassifier
from recurra.tasks.frames.preprocessor import FramesPreprocessor
from recurra.tasks.frames.settings import DEFAULTS
from recurra.tasks.sequences.sound.log_mel import LogMel
from recurra.topologies.frames import FrameNetwork

SOUND = LogMel(8000, mels=12)


def model_of(*, per_frame: bool, sound: LogMel | None = None, scale: Any = "training", **network: Any) -> FramesModel:
    """A model with random weights over the bands of a sound, or over three channels with gaps."""
    channels = ("a", "b", "c") if sound is None else sound.channels
    torch.manual_seed(0)
    rng, width = np.random.default_rng(0), len(channels)
    made = FramesPreprocessor(
        channels,
        tuple(rng.normal(size=width) - 5 * (sound is not None)),
        tuple(rng.uniform(1, 2, size=width)),
        sound is None,
        per_frame,
        ["x", "y", "z"],
        scale,
        sound,
    )
    settings = DEFAULTS.settings.network.model_copy(update={"bidirectional": False, "hidden_size": 7} | network)
    kind = FrameLabeller if per_frame else SequenceClassifier
    return kind(FrameNetwork(made.input_width, 3, settings, per_frame=per_frame), made, DEFAULTS.settings.data)


def in_pieces(given: np.ndarray, most: int, seed: int) -> list[np.ndarray]:
    rng, found = np.random.default_rng(seed), []
    while len(given):
        size = int(rng.integers(0, most))
        found.append(given[:size])
        given = given[size:]
    return found


def streamed(model: FramesModel, pieces: list[np.ndarray], rate: int | None = None) -> list[Any]:
    stream = model.listen(rate)
    return [one for piece in pieces for one in stream.push(piece)] + stream.end()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "network",
    [{}, {"cell": "lstm", "num_layers": 2, "delay": 5}, {"delay": 100}, {"learned_state": True, "cell": "minimal-gru"}],
    ids=str,
)
def test_sound_in_pieces_is_the_whole(network: dict[str, Any], seed: int) -> None:
    model = model_of(per_frame=True, sound=SOUND, **network)
    samples = np.random.default_rng(seed).normal(size=3000 + 77 * seed).astype(np.float32) * 0.2
    (whole,) = model.predict(model.checked(samples))
    found = streamed(model, in_pieces(samples, 400, seed))
    assert [one.frame for one in found] == list(range(len(whole.labels)))
    assert [one.label for one in found] == whole.labels
    assert np.abs(np.stack([one.probabilities for one in found]) - whole.probabilities).max() < 1e-5
    assert found[3].seconds == pytest.approx((3 * 80 + 100) / 8000)


def test_another_rate_in_pieces_is_the_file_at_that_rate(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    pytest.importorskip("soxr")
    model = model_of(per_frame=True, sound=SOUND)
    samples = np.random.default_rng(5).normal(size=9000).astype(np.float32) * 0.1
    soundfile.write(tmp_path / "a.wav", samples, 22050, subtype="FLOAT")
    (whole,) = model.predict(model.read(tmp_path / "a.wav"))
    found = streamed(model, in_pieces(samples, 900, 1), 22050)
    assert len(found) == len(whole.labels)
    assert np.abs(np.stack([one.probabilities for one in found]) - whole.probabilities).max() < 1e-5


@pytest.mark.parametrize("count", [1, 50, 199, 200, 201])
def test_sound_about_as_short_as_a_frame(count: int) -> None:
    model = model_of(per_frame=True, sound=SOUND)
    samples = np.random.default_rng(1).normal(size=count).astype(np.float32) * 0.2
    (whole,) = model.predict(model.checked(samples))
    (only,) = streamed(model, in_pieces(samples, 30, 0))
    np.testing.assert_allclose(only.probabilities, whole.probabilities[0], atol=1e-5)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "all"])
def test_one_label_for_all_frames_so_far(pooling: str) -> None:
    model = model_of(per_frame=False, pooling=pooling)
    rng = np.random.default_rng(0)
    frames = np.where(rng.uniform(size=(30, 3)) < 0.1, np.nan, rng.normal(size=(30, 3)))
    found = streamed(model, in_pieces(frames, 7, 2))
    for count in (1, 9, 30):
        whole = model.predict_proba(model.checked(frames[:count]))[0]
        np.testing.assert_allclose(found[count - 1].probabilities, whole, atol=1e-5)
    assert found[0].seconds is None


def test_a_frame_alone_and_whole_numbers_are_taken() -> None:
    frames = model_of(per_frame=True).listen()
    assert len(frames.push([1.0, 2.0, float("nan")])) == 1
    sound = model_of(per_frame=True, sound=SOUND)
    samples = np.random.default_rng(0).integers(-9000, 9000, size=500).astype(np.int16)
    whole = streamed(sound, [samples.astype(np.float32) / 32768])
    found = streamed(sound, [samples])
    np.testing.assert_allclose(found[2].probabilities, whole[2].probabilities, atol=1e-6)


def test_two_streams_go_their_own_ways() -> None:
    model = model_of(per_frame=True)
    one, other = model.listen(), model.listen()
    one.push(np.ones((5, 3)))
    first, again = other.push(np.zeros((1, 3))), model.listen().push(np.zeros((1, 3)))
    np.testing.assert_array_equal(first[0].probabilities, again[0].probabilities)


@pytest.mark.parametrize(
    ("given", "said"),
    [({"bidirectional": True}, "both directions.*--no-bidirectional"), ({"scale": "sequence"}, "--scale training")],
    ids=str,
)
def test_a_model_that_needs_the_end_says_so(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=f"cannot stream: .*{said}"):
        model_of(per_frame=True, **given).listen()


def test_what_is_no_piece_is_refused() -> None:
    frames, sound = model_of(per_frame=True).listen(), model_of(per_frame=True, sound=SOUND).listen()
    for stream, given in (
        (frames, np.zeros((2, 4))),
        (frames, ["a"]),
        (frames, np.full((1, 3), np.inf)),
        (sound, np.zeros((2, 2))),
        (sound, np.array([0.1, np.nan])),
        (sound, np.zeros(3, np.int64)),
    ):
        with pytest.raises(UsageError):
            stream.push(given)
    sound.end()
    with pytest.raises(UsageError, match="has ended"):
        sound.push(np.zeros(10))
    for rate in (10, 1e9, "fast"):
        with pytest.raises(UsageError, match="rate must be"):
            model_of(per_frame=True, sound=SOUND).listen(rate)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="rate is one of sound"):
        model_of(per_frame=True).listen(8000)


def test_a_run_streams(tmp_path: Path) -> None:
    rows = [f"s{n},{step},{(n % 2) * step + n / 100},{n % 2}" for n in range(20) for step in range(4)]
    (tmp_path / "moves.csv").write_text("\n".join(["id,t,x,label", *rows]) + "\n")
    small: dict[str, Any] = {"hidden_size": 4, "epochs": 1.0, "quiet": True, "bidirectional": False}
    run = recurra.train(tmp_path / "moves.csv", out=tmp_path / "run", **small)
    found = run.stream().push([[0.0], [1.0], [2.0]])
    np.testing.assert_allclose(found[-1].probabilities, run.predict_proba(np.array([[0.0], [1], [2]]))[0], atol=1e-5)
    with pytest.raises(UsageError, match="writes no text"):
        run.stream("a prompt")
