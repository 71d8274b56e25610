"""Small recordings: sines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

RATE = 8000


def sine(hertz: float, seconds: float = 0.2, *, rate: int = RATE, level: float = 0.3, seed: int = 0) -> np.ndarray:
    """A sine with a little noise, [N] float32."""
    noise = np.random.default_rng(seed).normal(size=round(seconds * rate)) * 0.01
    at = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * at) + noise).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE, subtype: str = "PCM_16") -> Path:
    """A recording; the format is that of its name."""
    soundfile = pytest.importorskip("soundfile")
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=None if path.suffix == ".ogg" else subtype)
    return path


def folders(folder: Path, count: int = 10) -> Path:
    """Recordings of low and high sines in folders of these names."""
    for n in range(count):
        write(folder / "low" / f"{n}.wav", sine(300 + 10 * n, 0.1 + 0.01 * (n % 3), seed=n))
        write(folder / "high" / f"{n}.wav", sine(1500 + 30 * n, 0.1 + 0.01 * (n % 4), seed=100 + n))
    return folder


def events(folder: Path, count: int = 5) -> Path:
    """Recordings of 0.8 s in which tones are heard, and when."""
    rows = ["path,start,end,label,who"]
    for n in range(count):
        sound = np.random.default_rng(n).normal(size=6400).astype(np.float32) * 0.01
        for start, hertz, label in ((0.1 + 0.05 * (n % 3), 300, "low"), (0.5, 1500, "high")):
            sound[round(start * 8000) : round((start + 0.2) * 8000)] += sine(hertz, 0.2)
            rows.append(f"r{n}.wav,{start:.2f},{start + 0.2:.2f},{label},p{n}")
        write(folder / f"r{n}.wav", sound)
    (folder / "list.csv").write_text("\n".join(rows) + "\n")
    return folder
