"""Are series forecast well whose next value is no straight line of the last ones, from a few hundred values?

    python benchmarks/forecast_bends.py             # two made series of 400 values, three seeds, a minute or two
    python benchmarks/forecast_bends.py --seeds 1

A logistic map with noise, and a week whose day jumps by one each 28 days. Beside this model, as it comes, stand the
same in the 50 epochs at a rate of 1e-3 that were the default once, the ridge regression and the best perceptron.
Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import recurra

RESULT = Path(__file__).parent / "results" / "forecast_bends.json"
LENGTH, HORIZON = 400, 5
KINDS = ("this model", "as before", "ridge", "MLP")
BEFORE: dict[str, Any] = {"epochs": 50, "learning_rate": 1e-3}


def logistic(rng: np.random.Generator) -> np.ndarray:
    """x <- 3.7 x (1 - x), seen with noise. [LENGTH]"""
    course = [0.3]
    for _ in range(LENGTH - 1):
        course.append(3.7 * course[-1] * (1 - course[-1]))
    return np.array(course) + 0.01 * rng.normal(size=LENGTH)


def shifting_week(rng: np.random.Generator) -> np.ndarray:
    """A level for each day of a week, a day of which is left out each 28 days, with noise. [LENGTH]"""
    step = np.arange(LENGTH)
    return 100 + 10.0 * ((step + step // 28) % 7) + rng.normal(size=LENGTH)


SERIES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "logistic map": logistic,
    "shifting week": shifting_week,
}


def errors(values: np.ndarray, seed: int, threads: int) -> dict[str, float]:
    """MASE of the test part, ours in two trainings and of the best baselines."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "series.csv"
        pl.DataFrame({"value": values}).write_csv(data)
        common: dict[str, Any] = {
            "task": "forecast",
            "time": "none",
            "horizon": HORIZON,
            "threads": threads,
            "quiet": True,
        }
        for name, settings in (("this model", {}), ("as before", BEFORE | {"baselines": "none"})):
            run = recurra.train(data, out=Path(folder) / name, seed=seed, **common | settings)
            found[name] = run.metrics["metrics"]["mase"]
            for each in run.metrics["baselines"]:
                kind = next((kind for kind in ("ridge", "MLP") if kind in each["name"]), None)
                if kind:
                    found[kind] = min(found.get(kind, np.inf), each["metrics"]["mase"])
    return found


def main() -> None:
    """As a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="of training and of the noise")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    chosen = parser.parse_args()
    figures: dict[str, list[dict[str, float]]] = {}
    print("| MASE | this model | as before | ridge | best MLP |\n|---|---|---|---|---|")
    for name, make in SERIES.items():
        made = [make(np.random.default_rng(seed)) for seed in range(chosen.seeds)]
        figures[name] = [errors(values, seed, chosen.threads) for seed, values in enumerate(made)]
        means = [statistics.mean(run[kind] for run in figures[name]) for kind in KINDS]
        print(f"| {name} | {' | '.join(f'{mean:.3f}' for mean in means)} |", flush=True)
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
