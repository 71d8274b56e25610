"""What products of bfloat16 cost in quality: the same training in both, figure by figure.

    python benchmarks/precision.py [--only names tags] [--seeds 3]

The numbers are those of any machine, for where a processor has no products of bfloat16 the engine rounds as it would;
only the time is not. Data sets by their names, those of others from RECURRA_DATA. Prints the headline figure of each,
the mean over the seeds, and by how much bfloat16 is worse, relative; fails above BOUND.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import recurra
from recurra.tasks import registry

BOUND = 0.003
"""That bfloat16 may be worse, relative to the figure."""
RUNS: dict[str, tuple[str, str | None, dict[str, Any]]] = {
    "surnames": ("surnames", None, {"epochs": 12.0, "split_seed": 0}),
    "names": ("names", None, {"epochs": 4.0, "split_seed": 0}),
    "characters": ("tinyshakespeare", None, {"epochs": 0.5, "hidden_size": 128}),
    "tags": ("ud_english_ewt", None, {"epochs": 1.0}),
    "translation": ("multi30k", "loss", {"epochs": 1.0}),
    "forecast": ("etth1", None, {"target": "OT", "horizon": 24, "origins": 50}),
    "frames": ("japanese_vowels", None, {}),
}
"""Data, the metric if it is not the headline (BLEU after one epoch says little), settings."""


def figure(data: str, metric: str | None, seed: int, precision: str, given: dict[str, Any]) -> tuple[str, float, bool]:
    """Name and value of a metric, the headline if None, and whether less of it is better."""
    with tempfile.TemporaryDirectory() as folder:
        asked: dict[str, Any] = {"seed": seed, "precision": precision, "baselines": "none", "threads": 1}
        run = recurra.train(data, out=Path(folder) / "run", quiet=True, **asked, **given)
        row = next(row for row in registry.get(run.task).metrics if metric in (None, row.name))
        return row.label, run.metrics["metrics"][row.name], row.better == "lower"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=RUNS, nargs="+", default=list(RUNS))
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    bad = []
    print("| data | figure | float32 | bfloat16 | worse by |\n|---|---|---|---|---|")
    for name in asked.only:
        data, metric, given = RUNS[name]
        found = {p: [figure(data, metric, seed, p, given) for seed in range(asked.seeds)] for p in ("32", "bf16")}
        label, _, lower = found["32"][0]
        plain, half = (sum(value for _, value, _ in each) / asked.seeds for each in found.values())
        worse = (half - plain if lower else plain - half) / plain
        print(f"| `{name}` | {label} | {plain:.4f} | {half:.4f} | {100 * worse:+.2f} % |", flush=True)
        bad += [name] if worse > BOUND else []
    if bad:
        sys.exit(f"worse by more than {100 * BOUND:g} %: {', '.join(bad)}")


if __name__ == "__main__":
    main()
