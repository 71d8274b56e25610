"""Clips, pictures read row by row, and gestures of another user, beside baselines that need no state.

    python benchmarks/frames_pictures.py --only moving-shapes                   # drawn here, nothing is fetched
    python benchmarks/frames_pictures.py --only digits                          # needs scikit-learn
    RECURRA_DATA=FOLDER python benchmarks/frames_pictures.py --only gestures    # from one user to the other

For gestures the settings were chosen on the recordings that are learned from alone, see docs/wirings/frames.md.
Prints a table with the load of the machine and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import recurra
from frames_sensors import runs_of

RESULT = Path(__file__).parent / "results" / "frames_pictures.json"
MUST = {"moving-shapes": 0.98, "moving-shapes-whole": 0.95, "digits": 0.97}
"""Accuracy of each seed's held-out part."""
GESTURES: dict[str, Any] = {
    "split": (0.8, 0.2, 0.0),
    "block_frames": 150,
    "scale": "sequence",
    "root": True,
    "balance": 1.0,
    "dropout": 0.5,
    "max_frames": 50,
    "num_layers": 2,
    "noise": 0.5,
}
MUST_GESTURES = 0.37
"""Macro-F1 on the other user."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=(*MUST, "gestures"), help="one of the data sets")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    chosen = parser.parse_args()
    figures = {}
    for name in [chosen.only] if chosen.only else [*MUST, "gestures"]:
        if name == "gestures":
            for learned, asked in (("a", "b"), ("b", "a")):
                figures[f"gestures {learned} to {asked}"] = gestures(learned, asked, chosen.seeds, chosen.threads)
        else:
            figures[name] = measured(name, chosen.seeds, chosen.threads)
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def measured(name: str, seeds: int, threads: int) -> dict[str, Any]:
    """The runs of one data set, and the baselines of the first; printed."""
    found = runs_of(name, seeds, threads)
    _print(name, found, "accuracy", MUST[name])
    return found


def gestures(learned: str, asked: str, seeds: int, threads: int) -> dict[str, Any]:
    """Runs on one user's recordings, evaluated once on the other's."""
    found: dict[str, Any] = {"runs": []}
    for seed in range(seeds):
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            run = recurra.train(
                f"gesture_phase_{learned}", out=Path(folder) / "run", seed=seed, threads=threads, quiet=True, **GESTURES
            )
            told = run.evaluate(f"gesture_phase_{asked}", baselines=not seed)
        found.setdefault("baselines", told.pop("baselines", []))
        found["runs"].append(told | {"seconds": time.perf_counter() - begun, "load": os.getloadavg()[0]})
    _print(f"gestures, learned from {learned}, tested on {asked}", found, "macro_f1", MUST_GESTURES)
    return found


def _print(title: str, found: dict[str, Any], metric: str, must: float) -> None:
    each = [one[metric] for one in found["runs"]]
    print(f"\n## {title}\n\n| model | {metric} |\n|---|---|\n| this model, mean | {statistics.mean(each):.4f} |")
    for one in found["baselines"]:
        print(f"| {one['name']} | {one['metrics'][metric]:.4f} |")
    said = "reached" if min(each) >= must else "NOT REACHED by every seed"
    print(f"\n{said}: {must}; seeds: {', '.join(f'{one:.4f}' for one in each)}", flush=True)


if __name__ == "__main__":
    main()
