"""Recordings of any kind as samples, and those that are none."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from recurra.data.sound import libraries
from recurra.data.sound.recording import rate_of, read_recording
from recurra.errors import DataError, UsageError
from tests.data.sound.sines import sine, write

pytest.importorskip("soundfile")
pytest.importorskip("soxr")


@pytest.mark.parametrize(
    ("name", "subtype", "near"),
    [
        ("a.wav", "PCM_U8", 1e-2),
        ("a.wav", "PCM_16", 1e-4),
        ("a.wav", "PCM_24", 1e-6),
        ("a.wav", "PCM_32", 1e-6),
        ("a.wav", "FLOAT", 1e-7),
        ("a.wav", "DOUBLE", 1e-7),
        ("a.flac", "PCM_16", 1e-4),
        ("a.ogg", "", 0.1),
    ],
)
def test_samples_are_those_that_were_written(tmp_path: Path, name: str, subtype: str, near: float) -> None:
    path = write(tmp_path / name, sine(440), subtype=subtype)
    found = read_recording(path)
    assert (found.rate, found.channels, found.samples.dtype) == (8000, 1, np.float32)
    np.testing.assert_allclose(found.samples, sine(440), atol=near)


def test_channels_are_mixed_to_their_mean(tmp_path: Path) -> None:
    parts = np.stack([sine(100.0 * (k + 1)) for k in range(8)], 1)
    found = read_recording(write(tmp_path / "eight.wav", parts, subtype="FLOAT"))
    assert found.channels == 8
    np.testing.assert_allclose(found.samples, parts.mean(1), atol=1e-6)


def test_another_rate_keeps_the_sound(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", sine(440, 0.5, rate=44100), 44100, "FLOAT")
    found = read_recording(path, 8000)
    assert (rate_of(path), found.rate, found.file_rate, len(found.samples)) == (44100, 8000, 44100, 4000)
    spectrum = np.abs(np.fft.rfft(found.samples))
    assert spectrum.argmax() * 2 == 440


def test_bad_files_are_named_with_a_remedy(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.wav", sine(440)).read_bytes()
    flac = write(tmp_path / "whole.flac", sine(440)).read_bytes()
    nan = sine(440)
    nan[80] = np.nan
    write(tmp_path / "nan.wav", nan, subtype="FLOAT")
    write(tmp_path / "no sound.wav", sine(440)[:0])
    write(tmp_path / "slow.wav", sine(10), rate=20)
    for name, content in {
        "cut.wav": whole[:1000],
        "cut.flac": flac[: len(flac) // 2],
        "head.wav": whole[:30],
        "empty.wav": b"",
        "text.wav": b"hello",
        "text.xyz": b"hello",
        "data.raw": bytes(100),
    }.items():
        (tmp_path / name).write_bytes(content)
    for name, said in {
        "cut.wav": "its head says 3,200 bytes of sound, 956 are there",
        "cut.flac": "to its end|malformed|sync",
        "head.wav": "cannot be read as sound",
        "empty.wav": "is empty",
        "text.wav": "Format not recognised",
        "text.xyz": "cannot be read as sound",
        "nan.wav": "sample 81, at 0.010 s, is nan",
        "no sound.wav": "0 samples",
        "missing.wav": "no such file",
        "slow.wav": "rate of 20 samples",
        "data.raw": "cannot be read as sound",
    }.items():
        with pytest.raises(DataError, match=said) as error:
            read_recording(tmp_path / name)
        assert error.value.file == tmp_path / name


def test_a_wav_from_a_pipe_whose_head_knows_no_length_is_read(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.wav", sine(440)).read_bytes()
    (tmp_path / "piped.wav").write_bytes(whole[:40] + struct.pack("<I", 0xFFFFFFFF) + whole[44:])
    assert len(read_recording(tmp_path / "piped.wav").samples) == 1600


def test_without_the_package_its_command_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.wav", sine(440))

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(libraries.importlib, "import_module", missing)
    with pytest.raises(UsageError, match="pip install soundfile soxr"):
        read_recording(path)
