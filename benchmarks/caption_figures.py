"""The figures of docs/wirings/caption.md: drawn shapes with unseen pairs, and photographs by a frozen encoder.

    RECURRA_DATA=... python benchmarks/caption_figures.py

Settings were compared on the validation parts; the test parts are looked at once.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import recurra

FROZEN: dict[str, Any] = {
    "encoder": "efficientnet-lite0", "dropout": 0.5, "picture_dropout": 0.3, "tie_weights": True, "min_count": 2,
    "epochs": 9.0, "learning_rate": 4e-3,
}  # fmt: skip
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "shapes": ("shapes", {}),
    "photographs, frozen, state": ("flickr8k_mini", FROZEN | {"condition": "state"}),
    "photographs, frozen, attention": ("flickr8k_mini", FROZEN | {"condition": "attention"}),
    "photographs, from scratch": (
        "flickr8k_mini",
        {"dropout": 0.5, "min_count": 2, "tie_weights": True, "epochs": 9.0},
    ),
}


def main() -> None:
    folder = os.environ.get("RECURRA_DATA")
    for name, (data, given) in RUNS.items():
        if data != "shapes" and folder is None:
            print(f"{name}: set RECURRA_DATA")
            continue
        begun = time.perf_counter()
        with TemporaryDirectory() as out:
            path = data if data == "shapes" else Path(str(folder)) / data
            run = recurra.train(path, out=Path(out) / "run", threads=1, quiet=True, **given)
        print(f"{name}, {time.perf_counter() - begun:.0f} s")
        for title, found in [("this model", run.metrics["metrics"])] + [
            (each["name"], each["metrics"]) for each in run.metrics["baselines"]
        ]:
            print(f"  {title}: " + ", ".join(f"{key} {value:.3f}" for key, value in found.items()))


if __name__ == "__main__":
    main()
