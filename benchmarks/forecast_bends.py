"""Are series forecast well whose next value is no straight line of the last ones, from a few hundred values?

    python benchmarks/forecast_bends.py             # two made series of 400 values, three seeds
    python benchmarks/forecast_bends.py --held-out  # eight others, on which nothing was chosen, a few minutes
    python benchmarks/forecast_bends.py --seeds 1

A logistic map with noise, and a week whose day jumps by one each 28 days; held out: a Henon map, the delay equation of
Mackey and Glass, a threshold autoregression, a linear one with a variance that clusters (GARCH), a trend with a season
in short and in long, a random walk, of which nothing is known but its last value, and noise around a level. Beside this
model, as it comes, stand the ridge regression, the best perceptron, and the best of what needs no fitting; and how much
the 80 % intervals hold. Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import recurra

RESULT = Path(__file__).parent / "results" / "forecast_bends.json"
LENGTH, HORIZON, UNSEEN = 400, 5, 200
OF = {
    "ridge": ("ridge",),
    "MLP": ("MLP",),
    "naive": ("last value", "seasonal naive", "drift"),
}
"""Baselines, by what their names begin with."""
Draw = np.random.Generator


def logistic(rng: Draw) -> np.ndarray:
    """x <- 3.7 x (1 - x), seen with noise. [LENGTH]"""
    course = [0.3]
    for _ in range(LENGTH - 1):
        course.append(3.7 * course[-1] * (1 - course[-1]))
    return np.array(course) + 0.01 * rng.normal(size=LENGTH)


def shifting_week(rng: Draw) -> np.ndarray:
    """A level for each day of a week, a day of which is left out each 28 days, with noise. [LENGTH]"""
    step = np.arange(LENGTH)
    return 100 + 10.0 * ((step + step // 28) % 7) + rng.normal(size=LENGTH)


def henon(rng: Draw) -> np.ndarray:
    """x <- 1 - 1.4 x^2 + 0.3 of the x before, seen with noise. [LENGTH]"""
    course = [0.1 * rng.normal(), 0.1 * rng.normal()]
    while len(course) < LENGTH + UNSEEN:
        course.append(1 - 1.4 * course[-1] ** 2 + 0.3 * course[-2])
    return np.array(course[UNSEEN:]) + 0.02 * rng.normal(size=LENGTH)


def mackey_glass(rng: Draw) -> np.ndarray:
    """x' = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x, every third unit of time, seen with noise. [LENGTH]"""
    every, inner = 3, 10
    delay, course = 17 * inner, list(0.9 + 0.2 * rng.random(17 * inner))
    while len(course) < (LENGTH + UNSEEN) * every * inner:
        late = course[-delay]
        course.append(course[-1] + (0.2 * late / (1 + late**10) - 0.1 * course[-1]) / inner)
    return np.array(course[:: every * inner])[-LENGTH:] + 0.02 * rng.normal(size=LENGTH)


def threshold(rng: Draw) -> np.ndarray:
    """Up by a slope below a threshold, down by another above it, with noise (SETAR). [LENGTH]"""
    course = [0.0]
    while len(course) < LENGTH + UNSEEN:
        now = course[-1]
        course.append((1.5 + 0.9 * now if now < 0.5 else -1.0 - 0.6 * now) + 0.25 * rng.normal())
    return np.array(course[UNSEEN:])


def clustered(rng: Draw) -> np.ndarray:
    """An ARMA(1, 1) whose noise is of a variance that clusters, GARCH(1, 1). [LENGTH]"""
    course, variance, before = [0.0], 1.0, 0.0
    while len(course) < LENGTH + UNSEEN:
        variance = 0.1 + 0.15 * before**2 + 0.75 * variance
        noise = float(np.sqrt(variance) * rng.normal())
        course.append(0.7 * course[-1] + noise + 0.3 * before)
        before = noise
    return np.array(course[UNSEEN:])


def rising(period: int) -> Callable[[Draw], np.ndarray]:
    """A trend and a season, with noise that follows itself. -> [LENGTH]"""

    def made(rng: Draw) -> np.ndarray:
        step, noise = np.arange(LENGTH), np.zeros(LENGTH)
        for t in range(1, LENGTH):
            noise[t] = 0.5 * noise[t - 1] + rng.normal()
        return np.asarray(50 + 0.1 * step + 6 * np.sin(2 * np.pi * step / period + rng.uniform(0, 6)) + noise)

    return made


def walk(rng: Draw) -> np.ndarray:
    """A random walk. [LENGTH]"""
    return np.asarray(100 + rng.normal(size=LENGTH).cumsum())


def noise(rng: Draw) -> np.ndarray:
    """Noise around a level. [LENGTH]"""
    return rng.normal(20.0, 1.0, LENGTH)


SERIES: dict[str, Callable[[Draw], np.ndarray]] = {"logistic map": logistic, "shifting week": shifting_week}
HELD_OUT: dict[str, Callable[[Draw], np.ndarray]] = {
    "Henon map": henon,
    "Mackey-Glass": mackey_glass,
    "threshold AR": threshold,
    "ARMA-GARCH": clustered,
    "trend, season 7": rising(7),
    "trend, season 24": rising(24),
    "random walk": walk,
    "noise": noise,
}


def errors(values: np.ndarray, seed: int, threads: int) -> dict[str, Any]:
    """MASE of the test part, of this model and of the best baselines of each kind; what its intervals hold."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "series.csv"
        pl.DataFrame({"value": values}).write_csv(data)
        begun = time.process_time()
        run = recurra.train(
            data,
            task="forecast",
            time="none",
            horizon=HORIZON,
            out=Path(folder) / "run",
            seed=seed,
            threads=threads,
            quiet=True,
        )
        found: dict[str, Any] = {"this model": run.metrics["metrics"]["mase"]}
        for kind, begins in OF.items():
            scores = [b["metrics"]["mase"] for b in run.metrics["baselines"] if any(n in b["name"] for n in begins)]
            found[kind] = min(scores)
        found["coverage"] = run.metrics["metrics"]["coverage"]
        found["seconds"] = time.process_time() - begun
        found["notes"] = run.config["notes"]
    return found


def main() -> None:
    """As a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held-out", action="store_true", help="series on which nothing was chosen")
    parser.add_argument("--only", choices=SERIES | HELD_OUT, help="one of the series")
    parser.add_argument("--seeds", type=int, default=3, help="of training and of the noise")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    chosen = parser.parse_args()
    figures: dict[str, list[dict[str, Any]]] = {}
    kinds = ("this model", *OF, "coverage", "seconds")
    print(f"| MASE | {' | '.join(kinds)} |\n|{'---|' * (len(kinds) + 1)}")
    for name, make in (HELD_OUT if chosen.held_out else SERIES | HELD_OUT if chosen.only else SERIES).items():
        if chosen.only in (None, name):
            seeds = range(chosen.first, chosen.first + chosen.seeds)
            figures[name] = [errors(make(np.random.default_rng(seed)), seed, chosen.threads) for seed in seeds]
            means = [statistics.mean(run[kind] for run in figures[name]) for kind in kinds]
            print(f"| {name} | {' | '.join(f'{mean:.3f}' for mean in means)} |", flush=True)
    covered = statistics.mean(run["coverage"] for runs in figures.values() for run in runs)
    print(f"coverage of 80 % intervals: {covered:.3f}")
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
