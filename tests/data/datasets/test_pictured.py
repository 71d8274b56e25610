"""Data sets of pictures that are written when they are first asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from recurra.data.datasets import moving, named
from recurra.data.datasets.digits import write_digits
from recurra.data.pictures.decoding import Form, read_picture
from recurra.errors import UsageError
from recurra.tasks.sources.resolving import resolve


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    few = [moving._clip(moving.PAIRS[n], np.random.default_rng(n)) for n in range(3)]
    monkeypatch.setattr(moving, "draw_clips", lambda: few)


def test_drawn_clips_are_a_source_of_clips(tmp_path: Path) -> None:
    for name, per_frame in (("moving-shapes", True), ("moving-shapes-whole", False)):
        source = resolve(name)
        assert (source.task, source.kind, source.named) == ("frames", "clips", True)
        folder = source.files["all"]
        assert (folder / "labels.csv").is_file() == per_frame
        written = {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}
        found = named.get(name, destination=tmp_path / name)
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")} == written
        copied = sorted(path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*.png"))
        assert copied == sorted(path.relative_to(folder) for path in written)
        assert found.kind == "clips"
    assert {path.name for path in folder.iterdir()} == {"left then right", "right then left", "up then down"}


def test_digits_are_those_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    real = datasets.load_digits()
    few = type(real)(images=real.images[:5], target=real.target[:5])
    monkeypatch.setattr(datasets, "load_digits", lambda: few)
    for path, image, label in zip(write_digits(tmp_path), real.images, real.target, strict=False):
        assert path.parent.name == str(label)
        pixels = read_picture(path, Form(channels=1)).pixels[0]
        np.testing.assert_array_equal((pixels.astype(float) * 16 / 255).round(), image)


def test_the_package_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UsageError, match=r"scikit-learn, which is not installed\ninstall it with: pip install scikit"):
        write_digits(tmp_path)
