"""What products of bfloat16 cost in quality: the same training in both, figure by figure.

    python benchmarks/precision.py [--only names tags] [--seeds 3]

The numbers are those of any machine, for where a processor has no products of bfloat16 the engine rounds as it would;
only the time is not. Data sets by their names, those of others from RECURRA_DATA. Prints the headline figure and the
loss of each, the mean over the seeds, by how much bfloat16 is worse, relative, and how far the seeds lie apart in
float32; fails where a first figure is worse by more than BOUND.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import recurra
from recurra.report.metric import Metric
from recurra.tasks import registry

BOUND = 0.003
"""That bfloat16 may be worse, relative to the figure."""
SMALL_TRANSLATOR = {"epochs": 0.5, "hidden_size": 128, "embedding_size": 128, "max_vocabulary": 2000}
RUNS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "surnames": ("surnames", (), {"epochs": 12.0, "split_seed": 0}),
    "names": ("names", (), {"epochs": 4.0, "split_seed": 0}),
    "characters": ("tinyshakespeare", (), {"epochs": 0.5, "hidden_size": 128}),
    "tags": ("ud_english_ewt", (), {"epochs": 1.0}),
    "slots": ("atis", (), {"epochs": 3.0}),
    "translation": ("multi30k", ("loss", "bleu"), SMALL_TRANSLATOR),
    "forecast": ("etth1", (), {"target": ("OT",), "horizon": 24, "origins": 50, "epochs": 2.0}),
    "passengers": ("airline", (), {}),
    "frames": ("japanese_vowels", (), {}),
}
"""Data, the metrics if not the headline and the loss (BLEU after half an epoch says little), settings."""


def scores(data: str, seed: int, precision: str, given: dict[str, Any]) -> tuple[str, dict[str, float]]:
    """The task of a training, and what it reached."""
    with tempfile.TemporaryDirectory() as folder:
        asked: dict[str, Any] = {"seed": seed, "precision": precision, "baselines": "none", "threads": 1}
        run = recurra.train(data, out=Path(folder) / "run", quiet=True, **asked, **given)
        return run.task, run.metrics["metrics"]


def compared(rows: Sequence[Metric], names: Sequence[str], reached: Mapping[str, float]) -> list[Metric]:
    """The metrics of these names; without any the first that the run has, and its loss."""
    had = [row for row in rows if row.name in reached]
    asked = names or dict.fromkeys([had[0].name, "loss"])
    return [row for name in asked for row in had if row.name == name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=RUNS, nargs="+", default=list(RUNS))
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    bad = []
    print("| data | figure | float32 | bfloat16 | worse by | float32 from seed to seed |\n|---|---|---|---|---|---|")
    for name in asked.only:
        data, metrics, given = RUNS[name]
        seeds = range(asked.seeds)
        found = {p: [scores(data, seed, p, given) for seed in seeds] for p in ("32", "bf16")}
        task, reached = found["32"][0]
        for place, row in enumerate(compared(registry.get(task).metrics, metrics, reached)):
            plain, half = ([each[row.name] for _, each in runs] for runs in found.values())
            mean = statistics.fmean(plain)
            risen = (statistics.fmean(half) - mean) / abs(mean)
            worse, spread = risen if row.better == "lower" else -risen, (max(plain) - min(plain)) / abs(mean)
            figures = f"{mean:.4f} | {statistics.fmean(half):.4f} | {100 * worse:+.2f} % | {100 * spread:.2f} %"
            print(f"| `{name}` | {row.label} | {figures} |", flush=True)
            bad += [name] if place == 0 and worse > BOUND else []
    if bad:
        sys.exit(f"worse by more than {100 * BOUND:g} %: {', '.join(bad)}")


if __name__ == "__main__":
    main()
