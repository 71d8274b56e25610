"""What is heard of recordings is kept, and never for others than these."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recurra.errors import DataError
from recurra.tasks.sequences.sound import heard as module
from recurra.tasks.sequences.sound.heard import Heard, heard
from recurra.tasks.sequences.sound.log_mel import LogMel
from tests.data.sound.sines import sine, write

SOUND = LogMel(8000, mels=12)


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "FEWEST", 3)
    return [write(tmp_path / f"{n}.wav", sine(300 + 100 * n, 0.1 + 0.05 * n, seed=n)) for n in range(4)]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The recordings that were read, and not taken from the cache."""
    found: list[Path] = []
    own = module.hear

    def hear(path: Path, sound: LogMel) -> Heard:
        found.append(path)
        return own(path, sound)

    monkeypatch.setattr(module, "hear", hear)
    return found


def same(found: list[Heard], others: list[Heard]) -> bool:
    return len(found) == len(others) and all(
        np.array_equal(a.samples, b.samples)
        and np.array_equal(a.frames, b.frames)
        and (a.seconds, a.channels, a.file_rate) == (b.seconds, b.channels, b.file_rate)
        for a, b in zip(found, others, strict=True)
    )


def test_the_second_run_reads_no_recording(paths: list[Path], read: list[Path]) -> None:
    first = heard(paths, SOUND)
    assert read == paths
    assert same(heard(paths, SOUND), first)
    assert len(read) == 4
    assert [one.frames.shape for one in first] == [(SOUND.count(len(one.samples)), 12) for one in first]


def test_a_changed_file_or_setting_is_heard_anew(paths: list[Path], read: list[Path]) -> None:
    first = heard(paths, SOUND)
    write(paths[2], sine(900, 0.2))
    changed = heard(paths, SOUND)
    assert not same(changed, first)
    assert changed[2].seconds == pytest.approx(0.2)
    for count, sound in enumerate((replace(SOUND, mels=11), replace(SOUND, trim_db=20.0), replace(SOUND, hop_ms=5.0))):
        before = len(read)
        assert same(heard(paths, sound), [module.hear(path, sound) for path in paths])
        assert len(read) == before + 8, count
    assert len(heard(paths[::-1], SOUND)) == 4
    assert heard(paths[::-1], SOUND)[0].seconds == pytest.approx(0.25)


def test_what_is_damaged_or_for_few_is_not_taken(paths: list[Path], read: list[Path], tmp_path: Path) -> None:
    first = heard(paths, SOUND)
    (place,) = (tmp_path / "cache" / "features").iterdir()
    whole = place.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"nothing of the kind"):
        place.write_bytes(content)
        assert same(heard(paths, SOUND), first)
        assert place.read_bytes() == whole
    assert len(read) == 16
    heard(paths[:2], SOUND)
    heard(paths[:2], SOUND)
    assert len(read) == 20
    assert len(list((tmp_path / "cache" / "features").iterdir())) == 1


def test_a_bad_recording_is_refused_by_name_and_nothing_is_kept(paths: list[Path], tmp_path: Path) -> None:
    paths[1].write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"1\.wav"):
        heard(paths, SOUND)
    assert not (tmp_path / "cache").exists()
