"""Spoken digits told apart, and found in running sound, beside baselines that need no state.

    RECURRA_DATA=FOLDER python benchmarks/frames_sound.py                  # all three, minutes each
    RECURRA_DATA=FOLDER python benchmarks/frames_sound.py --only frames

takes: recordings 0 to 4 of each digit and speaker are tested. speakers: each speaker in turn is tested, learned from
the five others. frames: digits joined with silence, a label for each frame, heard as a stream. Nothing is set by what
is tested; the validation part is of the training recordings. Prints tables with the load of the machine, writes JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

import recurra

RESULT = Path(__file__).parent / "results" / "frames_sound.json"
NAMES = "{label}_{speaker}_{take}"
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
TAKES = ("0", "1", "2", "3", "4")
OF_RECORDINGS: dict[str, Any] = {"names": NAMES}
OF_SPEAKERS = OF_RECORDINGS | {"scale": "mean", "trim_db": 26.0, "floor_db": 30.0, "batch_size": 16}
"""Where speakers are new, so are their rooms and microphones: silence around a word is left out, noise stands at one
level, and each recording's own mean spectrum is taken off. Found with pairs of speakers held out of the training ones:
each was evaluated by a model that had heard neither.
"""
OF_FRAMES: dict[str, Any] = {
    "delay": 20,
    "hidden_size": 96,
    "dropout": 0.2,
    "pitch": 2.0,
    "mask_mels": 0,
    "mask_ms": 50.0,
}
EPOCHS = {"takes": 20.0, "speakers": 5.0, "frames": 12.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=EPOCHS, help="one of the three")
    parser.add_argument("--speakers", nargs="*", default=SPEAKERS, help="those of whom each is left out once")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=float)
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    folder = os.environ.get("RECURRA_DATA") or parser.error("set RECURRA_DATA to the folder that holds fsdd/")
    data = Path(folder) / "fsdd" / "recordings"
    figures = json.loads(chosen.json.read_text(encoding="utf-8")) if chosen.json.is_file() else {}
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    for name, measured in (("takes", takes), ("speakers", speakers), ("frames", frames)):
        if chosen.only in (None, name):
            figures[name] = measured(data, chosen)
            chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def takes(data: Path, chosen: argparse.Namespace) -> Any:
    """Recordings 0 to 4 of each digit and speaker."""
    found = [
        trained(data, "takes", chosen, seed, test_where=f"take={','.join(TAKES)}", **OF_RECORDINGS)
        for seed in range(chosen.seeds)
    ]
    mean = statistics.mean(one["accuracy"] for one in found)
    print(
        f"\n## recordings 0 to 4\n\n| model | accuracy |\n|---|---|\n| this model, mean of {len(found)} | {mean:.4f} |"
    )
    tell_baselines(found[0])
    print(f"\n{'reached' if mean >= 0.97 else 'NOT REACHED'}: 0.97", flush=True)
    return found


def speakers(data: Path, chosen: argparse.Namespace) -> Any:
    """Each speaker in turn."""
    found: dict[str, Any] = {}
    print(
        "\n## one speaker left out\n\n| speaker | this model | best baseline | seconds | load |\n|---|---|---|---|---|"
    )
    for speaker in chosen.speakers:
        one = trained(data, "speakers", chosen, 0, test_where=f"speaker={speaker}", **OF_SPEAKERS)
        found[speaker] = one
        best = max(one["baselines"].items(), key=lambda item: item[1])
        print(
            f"| {speaker} | {one['accuracy']:.4f} | {best[1]:.4f}, {best[0]} | {one['seconds']:.0f} "
            f"| {one['load']:.1f} |",
            flush=True,
        )
    each = {name: one["accuracy"] for name, one in found.items()}
    mean, worst = statistics.mean(each.values()), min(each, key=lambda name: each[name])
    print(f"\nmean {mean:.4f}, worst {worst} {each[worst]:.4f}; {'reached' if mean >= 0.8 else 'NOT REACHED'}: 0.80")
    for name in found[worst]["baselines"]:
        print(f"baseline {name}: {statistics.mean(one['baselines'][name] for one in found.values()):.4f}", flush=True)
    return found


def frames(data: Path, chosen: argparse.Namespace) -> Any:
    """Digits in running sound."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        join(data, folder)
        run = recurra.train(
            folder,
            out=folder / "run",
            split_column="part",
            quiet=True,
            threads=chosen.threads,
            epochs=chosen.epochs or EPOCHS["frames"],
            **OF_FRAMES,
        )
        found = scored(run) | heard(run, sorted(folder.glob("test*.wav")))
    print(f"\n## a label each frame\n\n| model | accuracy |\n|---|---|\n| this model | {found['accuracy']:.4f} |")
    tell_baselines(found)
    print(
        f"\nstreaming: {found['difference']:.1e} from the whole file at most, real-time factor "
        f"{found['real_time_factor']:.4f}, {found['waits']:.3f} s of sound until a label; "
        f"{'reached' if found['accuracy'] >= 0.93 else 'NOT REACHED'}: 0.93",
        flush=True,
    )
    return found


def join(data: Path, folder: Path, together: int = 8) -> None:
    """Recordings of eight digits each, of one speaker, with 0.1 to 0.5 s of faint noise before, between and after."""
    rng = np.random.default_rng(0)
    rows: list[list[Any]] = []
    for part, wanted in (("train", False), ("test", True)):
        clips: dict[str, list[Path]] = {}
        for path in sorted(data.glob("*.wav")):
            _, speaker, take = path.stem.split("_")
            if (take in TAKES) == wanted:
                clips.setdefault(speaker, []).append(path)
        number = 0
        for own in clips.values():
            order = rng.permutation(len(own))
            for start in range(0, len(own), together):
                name, pieces, at = f"{part}{number:03}.wav", [silence(rng)], 0
                at, number = len(pieces[0]), number + 1
                kind = "validation" if part == "train" and number % 10 == 0 else part
                for place in order[start : start + together]:
                    samples, rate = soundfile.read(own[place], dtype="float32")
                    rows.append([name, at / rate, (at + len(samples)) / rate, own[place].stem.split("_")[0], kind])
                    pieces += [samples, silence(rng)]
                    at += len(samples) + len(pieces[-1])
                soundfile.write(folder / name, np.concatenate(pieces), 8000)
    with open(folder / "digits.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["path", "start", "end", "label", "part"], *rows])


def silence(rng: np.random.Generator) -> Any:
    """Noise 70 dB below the loudest."""
    return (rng.normal(size=int(rng.uniform(0.1, 0.5) * 8000)) * 3e-4).astype(np.float32)


def heard(run: recurra.Run, paths: list[Path]) -> dict[str, float]:
    """The streamed labels beside those of whole files, and how long they take on this thread."""
    difference = spent = seconds = 0.0
    for path in paths:
        samples, rate = soundfile.read(path, dtype="float32")
        (whole,) = run.predict(path)
        stream, said, begun = run.stream(), [], time.process_time()
        for start in range(0, len(samples), 80):
            said += stream.push(samples[start : start + 80])
        said += stream.end()
        spent, seconds = spent + time.process_time() - begun, seconds + len(samples) / rate
        difference = max(
            difference, float(np.abs(np.stack([o.probabilities for o in said]) - whole.probabilities).max())
        )
    return {"difference": difference, "real_time_factor": spent / seconds, "waits": run.stream().waits}


def trained(data: Path, what: str, chosen: argparse.Namespace, seed: int, **given: Any) -> dict[str, Any]:
    """A run's scores."""
    with tempfile.TemporaryDirectory() as folder:
        return scored(
            recurra.train(
                data,
                out=Path(folder) / "run",
                seed=seed,
                threads=chosen.threads,
                quiet=True,
                epochs=chosen.epochs or EPOCHS[what],
                **given,
            )
        )


def scored(run: recurra.Run) -> dict[str, Any]:
    """Its accuracy and those of its baselines."""
    others = {one["name"]: one["metrics"]["accuracy"] for one in run.metrics["baselines"]}
    more = {"seconds": run.metrics["seconds"], "load": os.getloadavg()[0], "baselines": others}
    return {"accuracy": run.metrics["metrics"]["accuracy"], "macro_f1": run.metrics["metrics"]["macro_f1"]} | more


def tell_baselines(one: dict[str, Any]) -> None:
    for name, accuracy in one["baselines"].items():
        print(f"| {name} | {accuracy:.4f} |")


if __name__ == "__main__":
    main()
