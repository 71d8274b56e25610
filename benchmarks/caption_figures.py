"""The figures of docs/wirings/caption.md: drawn shapes with unseen pairs, and photographs.

    RECURRA_DATA=... python benchmarks/caption_figures.py                       # all of them
    RECURRA_DATA=... python benchmarks/caption_figures.py shapes frozen         # some, by their first words

Settings were compared on the validation parts. The test part of the photographs was scored three times on the way,
as the page says.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import recurra

FROZEN: dict[str, Any] = {"encoder": "efficientnet-lite0"}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"shapes, seed {seed}": ("shapes", {"seed": seed}) for seed in range(3)},
    "frozen encoder": ("flickr8k_mini", FROZEN),
    "frozen encoder, first input": ("flickr8k_mini", FROZEN | {"condition": "input"}),
    "frozen encoder, initial states": ("flickr8k_mini", FROZEN | {"condition": "state"}),
    "frozen encoder, attention": ("flickr8k_mini", FROZEN | {"condition": "attention"}),
    "scratch, all defaults": ("flickr8k_mini", {}),
    "scratch, as vectors are learned from": (
        "flickr8k_mini",
        {"dropout": 0.5, "min_count": 2, "tie_weights": True, "word_dropout": 0.0},
    ),
}


def main(wanted: list[str]) -> None:
    folder = os.environ.get("RECURRA_DATA")
    for name, (data, given) in RUNS.items():
        if wanted and not any(name.startswith(each) for each in wanted):
            continue
        if data != "shapes" and folder is None:
            print(f"{name}: set RECURRA_DATA")
            continue
        begun, processor = time.perf_counter(), time.process_time()
        with TemporaryDirectory() as out:
            path = data if data == "shapes" else Path(str(folder)) / data
            run = recurra.train(path, out=Path(out) / "run", threads=1, quiet=True, **given)
        seconds = time.process_time() - processor
        print(f"{name}: {time.perf_counter() - begun:.0f} s, {seconds:.0f} of them on the processor")
        for title, found in [("this model", run.metrics["metrics"])] + [
            (each["name"], each["metrics"]) for each in run.metrics["baselines"]
        ]:
            print(f"  {title}: " + ", ".join(f"{key} {value:.3f}" for key, value in found.items()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
