"""Recordings of sound: what is read, how they are divided and varied, and what is refused."""

from __future__ import annotations

import base64
import io
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra
from recurra import model_folder
from recurra.api import training
from recurra.api.progress import ProgressLogger
from recurra.errors import DataError, StoppedError, UsageError
from recurra.tasks.frames.baselines import baselines
from recurra.tasks.frames.data import prepare
from recurra.tasks.frames.preprocessor import FramesPreprocessor
from recurra.tasks.frames.settings import DEFAULTS, FramesDataSettings
from recurra.tasks.frames.sound.augmentation import Variation, masked, varied
from recurra.tasks.frames.sound.settings import AugmentationSettings
from recurra.tasks.frames.trainee import FramesTrainee
from recurra.tasks.sequences.sound.log_mel import LogMel
from recurra.tasks.sequences.sound.pictures import MOST_BYTES, of_events, playable
from recurra.tasks.sources.resolving import resolve
from tests.data.sound.sines import events, folders, sine, write

pytest.importorskip("soundfile")
pytest.importorskip("soxr")

SMALL: dict[str, Any] = {"hidden_size": 8, "epochs": 20.0, "quiet": True, "device": "cpu", "mels": 12}
STILL = AugmentationSettings(gain=0, noise_db=0, shift_ms=0, pitch=0, tempo=0, mask_mels=0, mask_ms=0)


def data_of(path: Path, **given: Any) -> Any:
    return prepare(resolve(path), FramesDataSettings(**given), seed=0, kept=None)


def named(folder: Path) -> Path:
    """Names of label, speaker and take."""
    for take in range(4):
        for speaker in ("ann", "bob", "eve"):
            write(folder / f"low_{speaker}_{take}.wav", sine(300 + take, seed=take))
            write(folder / f"high_{speaker}_{take}.wav", sine(1500 + take, seed=take))
    return folder


# frames


def test_log_mel_is_its_formula() -> None:
    sound, x = LogMel(8000, mels=20), sine(440)
    w = np.hanning(200)
    power = np.abs(np.fft.rfft(x[160:360] * w, 512)) ** 2 / (w**2).sum()
    edges = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + np.array([20, 4000]) / 700)), 22) / 2595) - 1)
    lines = np.arange(257) * 8000 / 512
    m = np.stack([np.interp(lines, edges[k : k + 3], [0, 1, 0]) for k in range(20)], 1)
    np.testing.assert_allclose(sound.of(x)[2], np.log(power @ (m / m.sum(0)) + 1e-8), atol=1e-4)
    assert len(sound.of(x)) == sound.count(len(x)) == 1 + (1600 - 200) // 80
    assert sound.of(x[:10]).shape == (1, 20)
    assert sound.middle(2) == pytest.approx((160 + 100) / 8000)
    assert LogMel.from_json(sound.to_json()) == sound


def test_a_higher_pitch_is_the_same_tone_in_higher_bands() -> None:
    sound = LogMel(8000)
    shifted = sound.bands(sound.power(_tensor(sine(500))), 2 ** (5 / 12)).numpy()
    assert shifted.mean(0).argmax() == sound.of(sine(500 * 2 ** (5 / 12))).mean(0).argmax()


@pytest.mark.parametrize("given", [{"frame_ms": 0.5}, {"hop_ms": 40.0}, {"mels": 200}], ids=str)
def test_frames_that_cannot_be_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(given))):
        LogMel(8000, **given)


def _tensor(x: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(x)


# variation


def with_silence() -> np.ndarray:
    """A tone from 0.2 s to 0.5 s of 0.8 s, the rest 60 dB softer."""
    x = np.random.default_rng(0).normal(size=6400).astype(np.float32) * 2e-4
    x[1600:4000] += sine(500, 0.3)
    return x


def test_ends_that_are_far_below_the_loudest_frame_are_left_out() -> None:
    x = with_silence()
    assert LogMel(8000).trimmed(x) is x
    kept = LogMel(8000, trim_db=30).trimmed(x)
    start = int(np.flatnonzero(x == kept[0])[0])
    assert 1400 <= start <= 1600
    assert 4000 <= start + len(kept) <= 4200
    assert LogMel(8000).count(len(LogMel(8000, trim_db=80).trimmed(x))) == LogMel(8000).count(len(x))
    short = sine(500, 0.01)
    assert LogMel(8000, trim_db=30).trimmed(short) is short
    silent = np.zeros(800, np.float32)
    assert len(LogMel(8000, trim_db=30).trimmed(silent)) == 760  # all of its frames


def test_a_floor_stands_below_the_loudest_frame() -> None:
    x, plain = with_silence(), LogMel(8000, mels=20)
    loudest = np.exp(plain.of(x).astype(np.float64)).mean(1).max()
    found = LogMel(8000, mels=20, floor_db=30).of(x)
    assert found.min() == pytest.approx(np.log(loudest * 1e-3), abs=0.05)
    louder = LogMel(8000, mels=20, floor_db=30).of(2 * x)
    np.testing.assert_allclose(louder - found, np.log(4), atol=1e-3)


def test_what_is_heard_is_stored_and_said(tmp_path: Path) -> None:
    sound = LogMel(8000, mels=20, trim_db=30, floor_db=25)
    assert LogMel.from_json(sound.to_json()) == sound
    assert LogMel(8000).to_json().keys() == {"rate", "frame_ms", "hop_ms", "mels"}
    for number in range(10):
        write(tmp_path / "d" / ("tone", "other")[number % 2] / f"{number}.wav", with_silence() * (1 + number / 50))
    data = data_of(tmp_path / "d", trim_db=30.0)
    assert data.preprocessor.sound == LogMel(8000, trim_db=30)
    assert "5 s at their beginnings and ends, over 30 dB below the loudest frame, are left out" in " ".join(data.notes)
    one = data.parts["train"].sequences[0]
    assert one.samples is not None
    assert len(one) == LogMel(8000).count(len(one.samples)) < 45
    with pytest.raises(UsageError, match="trim_db is of recordings with one label"):
        data_of(events(tmp_path / "events"), trim_db=30.0)


def test_without_variation_frames_are_those_of_the_recording() -> None:
    sound, x, rng = LogMel(8000), sine(440), np.random.default_rng(0)
    frames, places = varied(x, sound, STILL, rng, whole=True)
    np.testing.assert_allclose(frames, sound.of(x), atol=1e-5)
    assert (places == np.arange(len(frames))).all()
    assert (masked(frames, 10, STILL, rng) == frames).all()
    assert not Variation(sound, STILL, per_frame=True).on


def test_each_variation_does_what_it_says() -> None:
    sound, x = LogMel(8000), sine(440)
    plain = sound.of(x)

    def one(seed: int = 0, **given: Any) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        return varied(x, sound, STILL.model_copy(update=given), rng, whole=True)

    louder, _ = one(gain=12.0)
    moved = np.unique((louder - plain)[plain > -12].round(2))
    assert np.ptp(moved) < 0.1
    assert 0.1 < abs(moved.mean()) <= 12 / 20 * 2 * np.log(10)
    noisy, _ = one(noise_db=10.0)
    assert (noisy - plain)[:, -10:].mean() > 0.05  # where the tone is not
    assert len({len(one(seed, shift_ms=80.0)[0]) for seed in range(8)}) > 2
    slower, places = one(1, tempo=0.4)
    assert len(slower) == len(places) != len(plain)
    assert places[0] == 0
    assert places[-1] == len(plain) - 1
    hidden = masked(plain, 10, STILL.model_copy(update={"mask_mels": 8, "mask_ms": 40.0}), np.random.default_rng(1))
    assert (hidden == 0).all(0).any()
    assert (hidden == 0).all(1).any()


def test_labels_of_frames_move_with_them() -> None:
    sound, x = LogMel(8000), sine(440, 0.5)
    labels = np.arange(sound.count(len(x)))
    variation = Variation(sound, STILL.model_copy(update={"tempo": 0.3, "shift_ms": 50.0}), per_frame=True)
    row, own = variation.of(x, 5, 30, labels[5:30], lambda v: v.astype(np.float32), np.random.default_rng(3))
    assert len(row) == len(own) != 25
    assert (own[0], own[-1]) == (5, 29)


def test_batches_are_the_same_from_the_same_seed_and_epoch(tmp_path: Path) -> None:
    made = data_of(folders(tmp_path / "d"), mels=12)
    trainee = FramesTrainee(None, made, DEFAULTS.settings.training)  # type: ignore[arg-type]
    first, again, other = ([batch.x for batch in trainee.batches(epoch)] for epoch in (0, 0, 1))
    assert all(bool((a == b).all()) for a, b in zip(first, again, strict=True))
    assert any(a.shape != b.shape or not bool((a == b).all()) for a, b in zip(first, other, strict=True))


# parts


def test_parts_by_fields_of_names(tmp_path: Path) -> None:
    folder = named(tmp_path / "d")
    pattern = "{label}_{speaker}_{take}"
    made = data_of(folder, names=pattern, test_where="speaker=eve", validation_where="take=0")
    of = {part: [one.name for one in some.sequences] for part, some in made.parts.items()}
    assert all("eve" in name for name in of["test"])
    assert len(of["test"]) == 8 - 2  # take 0 is validation's
    assert all(name.endswith("_0") for name in of["validation"])
    assert len(of["train"]) == 12
    grouped = data_of(folder, names=pattern, group="speaker", split=(0.34, 0.33, 0.33))
    homes = {one.group: part for part, some in grouped.parts.items() for one in some.sequences}
    assert sorted(homes.values()) == ["test", "train", "validation"]
    assert all(homes[one.group] == part for part, some in grouped.parts.items() for one in some.sequences)


def test_parts_that_cannot_be_are_refused(tmp_path: Path) -> None:
    folder, pattern = named(tmp_path / "d"), "{label}_{speaker}_{take}"
    for given, said in (
        ({"test_where": "speaker=joe"}, "no recording has speaker=joe; there are 'ann', 'bob', 'eve'"),
        ({"test_where": "spekaer=ann"}, "did you mean 'speaker'"),
        ({"group": "person"}, "nothing says the group, 'person'"),
        ({"test_where": "take=0", "group": "speaker"}, "stands in the .* part and in the .* part"),
        ({"split_column": "take"}, "names no part"),
    ):
        with pytest.raises(DataError, match=said):
            data_of(folder, names=pattern, **given)
    for given, said in (
        ({"test_where": "ann"}, "as in speaker=theo"),
        ({"test_where": "take=0", "split_column": "take"}, "exclude each other"),
    ):
        with pytest.raises(UsageError, match=said):
            data_of(folder, names=pattern, **given)


def test_rates_channels_and_short_ones_are_noted(tmp_path: Path) -> None:
    folder = folders(tmp_path / "d")
    write(folder / "low" / "fast.wav", sine(300, rate=16000), 16000)
    write(folder / "low" / "two.wav", np.stack([sine(300), sine(310)], 1))
    write(folder / "high" / "short.wav", sine(1500, 0.01))
    notes = "\n".join(data_of(folder).notes)
    assert "1 of 23 recordings are of 16,000 samples a second: resampled to 8,000" in notes
    assert "1 of 23 recordings have 2 to 2 channels: their mean is heard" in notes
    assert "1 recordings are shorter than a frame of 25 ms: silence is added" in notes


def test_a_baseline_of_means_is_not_given_recordings_that_have_none(tmp_path: Path) -> None:
    made = data_of(folders(tmp_path / "d", 12), mels=8, scale="sequence")
    found = {one.name: one.metrics["accuracy"] for one in baselines(made, made.parts["train"], seed=0)}
    assert found["logistic, mean deviation min max slope"] == 1.0  # steady tones differ in their means alone


# events


def test_labels_of_frames_are_those_of_their_middles(tmp_path: Path) -> None:
    source = resolve(events(tmp_path / "d"))
    assert (source.task, source.kind, source.files["all"].name) == ("frames", "events", "list.csv")
    made = prepare(source, FramesDataSettings(split=(0.6, 0.2, 0.2), group="who"), seed=0, kept=None)
    assert made.preprocessor.classes == ["background", "high", "low"]
    (one,) = (s for part in made.parts.values() for s in part.sequences if s.name == "r0")
    sound = made.preprocessor.sound
    for k, label in enumerate(one.labels):
        middle = sound.middle(k)
        assert label == ("low" if 0.1 <= middle < 0.3 else "high" if 0.5 <= middle < 0.7 else "background")


def test_an_event_outside_of_its_recording_is_refused(tmp_path: Path) -> None:
    table = events(tmp_path / "d") / "list.csv"
    table.write_text(table.read_text() + "r0.wav,0.7,1.2,low,p0\n")
    with pytest.raises(DataError, match=r"'low' goes from 0.7 s to 1.2 s; r0.wav is 0.800 s long") as error:
        data_of(table)
    assert error.value.line == 12


# a run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> recurra.Run:
    folder = tmp_path_factory.mktemp("sound")
    return recurra.train(folders(folder / "tones", 15), out=folder / "run", **SMALL)


def test_a_run_on_recordings(run: recurra.Run, tmp_path: Path) -> None:
    assert run.metrics["metrics"]["accuracy"] == 1.0
    path = write(tmp_path / "new.wav", sine(1600, rate=16000), 16000)
    (file,), (samples,) = run.predict(path), run.predict(sine(320))
    assert (file.label, samples.label) == ("high", "low")
    assert run.predict_proba([sine(1600), sine(300)]).argmax(1).tolist() == [0, 1]
    assert run.evaluate(folders(tmp_path / "others", 3))["accuracy"] == 1.0
    assert FramesPreprocessor.from_json(run.preprocessor.to_json()) == run.preprocessor


@pytest.mark.parametrize("asked", [np.array([np.nan]), np.zeros(0), np.zeros(3, np.int64), np.zeros((4, 3))], ids=str)
def test_samples_that_are_none_are_refused(run: recurra.Run, asked: Any) -> None:
    with pytest.raises(UsageError):
        run.predict(asked)


def test_settings_of_other_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="channels is a setting of tables of numbers; these data are sound"):
        recurra.train(folders(tmp_path / "d", 3), out=tmp_path / "run", channels=("x",), quiet=True)
    rows = [f"s{n},{step},{n % 2}" for n in range(20) for step in range(3)]
    (tmp_path / "moves.csv").write_text("\n".join(["id,x,label", *rows]) + "\n")
    with pytest.raises(UsageError, match="pitch is a setting of sound"):
        recurra.train(tmp_path / "moves.csv", out=tmp_path / "run", pitch=5.0, quiet=True)


# the report


def test_the_page_shows_what_is_heard_and_plays_it(run: recurra.Run) -> None:
    page = run.report.read_text(encoding="utf-8")
    assert "media-src data:" in page
    assert page.count("<audio controls") == page.count("data:audio/wav;base64,") == 2
    assert ">Recordings</h2>" in page
    assert "Recordings of up to 25 s can be played" in page
    assert page.count("data:image/png;base64,") >= 2


def test_what_is_played_is_the_recording_and_too_long_ones_are_not() -> None:
    soundfile, x = pytest.importorskip("soundfile"), sine(440)
    uri = playable(x, 8000)
    found, rate = soundfile.read(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert rate == 8000
    np.testing.assert_allclose(found, x, atol=1e-4)
    assert playable(np.zeros(MOST_BYTES, np.float32), 8000) == playable(None, 8000) == ""


def test_labels_stand_over_what_is_heard(tmp_path: Path) -> None:
    made = data_of(events(tmp_path / "d"), split=(0.6, 0.2, 0.2))
    one, labels = made.parts["test"].sequences[0], made.parts["test"].labels[0]
    found = of_events(one, made.preprocessor.sound, labels, labels, made.preprocessor.classes, "a title", "n")
    for words in ("seconds", "true", "predicted", "background", "1 kHz"):
        assert f">{words}</text>" in found.svg
    assert found.audio


@pytest.mark.slow
def test_a_run_stopped_and_resumed_is_the_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, sent = events(tmp_path / "d", 6), []
    small: dict[str, Any] = SMALL | {"epochs": 4.0, "split": (0.6, 0.2, 0.2), "max_frames": 30}
    whole = recurra.train(data, out=tmp_path / "whole", **small)

    class Interrupting(ProgressLogger):
        def tick(self, tick: Any) -> None:
            if tick.epoch > 1.6 and not sent:
                sent.append(tick.step)
                signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(training, "ProgressLogger", Interrupting)
        with pytest.raises(StoppedError):
            recurra.train(data, out=tmp_path / "stopped", **small)
    resumed = recurra.train(resume=tmp_path / "stopped", quiet=True)
    ours, theirs = (model_folder.read(run.folder).weights() for run in (resumed, whole))
    assert [name for name in ours if not bool((ours[name] == theirs[name]).all())] == []
    assert resumed.metrics["metrics"] == whole.metrics["metrics"]
