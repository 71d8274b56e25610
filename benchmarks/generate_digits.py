"""Spoken digits drawn by a class, and how many of them a classifier of real recordings recognises.

    RECURRA_DATA=FOLDER python benchmarks/generate_digits.py
    RECURRA_DATA=FOLDER python benchmarks/generate_digits.py --generator RUN --classifier RUN   # trained before

Generator and classifier are trained apart, on recordings 5 and up of each digit and speaker; 0 to 4 are real ones that
neither has heard. What is drawn becomes sound and is heard by the classifier as any other recording. Beside it stand
real recordings, the same after they were made frames and sound again, and the mean of each digit's training
recordings as sound. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import recurra
from recurra.tasks.generate_frames.samples import at_moments
from recurra.tasks.sequences.sound.griffin_lim import sound_of

RESULT = Path(__file__).parent / "results" / "generate_digits.json"
WHERE: dict[str, Any] = {"names": "{label}_{speaker}_{take}", "test_where": "take=0,1,2,3,4", "quiet": True}
TRIMMED = {"trim_db": 30.0}
"""Silence around a word is left out of what the generator learns."""
DIGITS = tuple(map(str, range(10)))
Samples = npt.NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", type=Path, help="a run of generate-frames instead of a new one")
    parser.add_argument("--classifier", type=Path, help="a run of frames instead of a new one")
    parser.add_argument("--count", type=int, default=500, help="recordings that are drawn, as many of each digit")
    parser.add_argument("--temperatures", type=float, nargs="*", default=[0.8, 1.0, 0.5])
    parser.add_argument("--epochs", type=float, default=14.0, help="of the generator")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    folder = os.environ.get("RECURRA_DATA") or parser.error("set RECURRA_DATA to the folder that holds fsdd/")
    data = Path(folder) / "fsdd" / "recordings"
    with tempfile.TemporaryDirectory() as place:
        figures = measured(data, Path(place), chosen)
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def measured(data: Path, place: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """Shares that are recognised, by what was heard."""
    both: dict[str, Any] = WHERE | {"threads": chosen.threads, "seed": chosen.seed}
    begun = time.perf_counter()
    generator = (
        recurra.load(chosen.generator)
        if chosen.generator
        else recurra.train(
            data, task="generate-frames", out=place / "generator", epochs=chosen.epochs, **both | TRIMMED
        )
    )
    print(f"generator: {generator.metrics['metrics']}, {time.perf_counter() - begun:.0f} s", flush=True)
    classifier = (
        recurra.load(chosen.classifier)
        if chosen.classifier
        else recurra.train(data, out=place / "classifier", epochs=10.0, **both)
    )
    print(f"classifier: {classifier.metrics['metrics']['accuracy']:.4f} of real recordings 0 to 4\n", flush=True)
    found: dict[str, Any] = {}
    print("| what is heard | recognised | of each digit |\n|---|---|---|", flush=True)

    def tell(name: str, sounds: Sequence[Samples], labels: Sequence[str]) -> None:
        said = [one.label for one in classifier.predict(list(sounds))]
        right = np.array([a == b for a, b in zip(said, labels, strict=True)])
        each = {d: float(right[[label == d for label in labels]].mean()) for d in DIGITS}
        found[name] = {"recognised": float(right.mean()), "count": len(right), "each": each}
        print(f"| {name} | {right.mean():.3f} | {' '.join(f'{each[d]:.2f}' for d in DIGITS)} |", flush=True)

    for temperature in chosen.temperatures:
        drawn = [
            one
            for digit in DIGITS
            for one in generator.generate(
                condition=digit, count=chosen.count // 10, temperature=temperature, seed=chosen.seed + int(digit)
            )
        ]
        tell(f"drawn, temperature {temperature:g}", [one.samples() for one in drawn], [one.condition for one in drawn])
    beside(data, generator, tell)
    return found


def beside(data: Path, generator: recurra.Run, tell: Any) -> None:
    """Real recordings, the same as frames and sound again, and means."""
    import soundfile

    sound = generator.preprocessor.sound
    paths = sorted(data.glob("*.wav"))
    takes = {path: path.stem.split("_") for path in paths}
    real = [(takes[path][0], soundfile.read(path, dtype="float32")[0]) for path in paths if int(takes[path][2]) < 5]
    tell("real, recordings 0 to 4", [samples for _, samples in real], [digit for digit, _ in real])
    again = [sound_of(sound.of(sound.trimmed(samples)), sound) for _, samples in real]
    tell("these as frames and sound again", again, [digit for digit, _ in real])
    means = []
    for digit in DIGITS:
        own = [path for path in paths if takes[path][0] == digit and int(takes[path][2]) >= 5]
        frames = [sound.of(sound.trimmed(soundfile.read(path, dtype="float32")[0])) for path in own]
        length = round(float(np.mean([len(one) for one in frames])))
        means.append(sound_of(np.mean([at_moments(one, length) for one in frames], 0), sound))
    tell("mean of each digit's training recordings", means, DIGITS)


if __name__ == "__main__":
    main()
