"""Forecasts of four public series beside their baselines, from the same origins.

    RECURRA_DATA=FOLDER python benchmarks/forecast_series.py     # three seeds each, one where a training takes minutes
    RECURRA_DATA=FOLDER python benchmarks/forecast_series.py --only airline --seeds 1

Nothing is set that the data do not say but the horizon, the origins, and the season of MASE (`m`): window, transform
and scale are chosen on validation, as always. The test parts are looked at once, at the end. ETTh1 is divided into 12,
4 and 4 months and evaluated from every window of the last part; its errors are standardised by the deviation before it.
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

RESULT = Path(__file__).parent / "results" / "forecast_series.json"
CASES: dict[str, dict[str, Any]] = {
    "airline": {"horizon": 12, "origins": 5, "season": 12},
    "sunspots": {"horizon": 11, "origins": 12, "season": 132},
    "temperatures": {"horizon": 7, "origins": 52, "season": 365},
    "etth1": {"horizon": 24, "step": 1, "split": (0.6, 0.2, 0.2), "until": "2018-02-20 23:00"},
}
MUST = {
    "airline": {"mase": 0.72},
    "sunspots": {"mase": 0.77},
    "temperatures": {"mase": 0.66},
    "etth1": {"scaled_mse": 0.027, "scaled_mae": 0.124},
}
SHOWN = ("mase", "scaled_mse", "scaled_mae", "smape", "rmse", "mae", "coverage")
LONG = 60.0
"""Seconds of a training from which one seed has to do."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=CASES, help="one of the series")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    chosen = parser.parse_args()
    figures: dict[str, Any] = {}
    for name in [chosen.only] if chosen.only else CASES:
        figures[name] = measured(name, chosen.seeds, chosen.threads)
        shown(name, figures[name])
    if not chosen.only:
        covered = [statistics.mean(run["coverage"] for run in each["runs"]) for each in figures.values()]
        print(f"coverage of 80 % intervals over the four: {statistics.mean(covered):.3f}")
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def measured(name: str, seeds: int, threads: int) -> dict[str, Any]:
    """The runs of one series, and the baselines of the first."""
    found: dict[str, Any] = {"settings": CASES[name], "runs": []}
    for seed in range(seeds):
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            run = recurra.train(
                name, task="forecast", out=Path(folder) / "run", seed=seed, threads=threads, quiet=True, **CASES[name]
            )
            seconds = time.perf_counter() - begun
            load = os.getloadavg()[0]
            found["runs"].append(run.metrics["metrics"] | {"seconds": seconds, "load": load})
            found.setdefault("baselines", run.metrics["baselines"])
            found.setdefault("notes", run.config["notes"])
        if seconds > LONG:
            break
    return found


def shown(name: str, found: dict[str, Any]) -> None:
    """A table: a row for the mean of the runs, one for each baseline."""
    must = ", ".join(f"{metric} <= {most:g}" for metric, most in MUST[name].items())
    print(f"\n## {name} (must: {must})\n")
    for note in found["notes"]:
        print(f"- {note}")
    print(f"\n| forecast | {' | '.join(SHOWN)} |\n|{'---|' * (len(SHOWN) + 1)}")
    runs = found["runs"]
    mean = {metric: statistics.mean(run[metric] for run in runs) for metric in SHOWN if metric in runs[0]}
    rows = [(f"this model, mean of {len(runs)}", mean)]
    rows += [(each["name"], each["metrics"]) for each in found["baselines"]]
    for label, scores in rows:
        cells = [f"{scores[metric]:.4f}" if metric in scores else "" for metric in SHOWN]
        print(f"| {label} | {' | '.join(cells)} |")
    seconds = ", ".join(f"{run['seconds']:.0f} s at load {run['load']:.1f}" for run in runs)
    spread = ", ".join(f"{run[next(iter(MUST[name]))]:.4f}" for run in runs)
    reached = all(mean[metric] <= most for metric, most in MUST[name].items())
    print(f"\n{'reached' if reached else 'NOT REACHED'}; seeds: {spread}; {seconds}", flush=True)


if __name__ == "__main__":
    main()
