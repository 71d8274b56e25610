"""How errors grow with the memory that a series needs: a recurrent network beside windowed perceptrons.

    python benchmarks/forecast_memory.py                     # periods 4 to 80, minutes
    python benchmarks/forecast_memory.py --periods 40        # one of them
    python benchmarks/forecast_memory.py --picture FILE.svg  # the picture of the documentation

Each series repeats one random course of plateaus with noise, 40 periods long: on a plateau the last five values do not
say when it ends, nor what comes then. Beside this model, as it comes (its window is chosen on validation), stand what
has no memory: a perceptron that reads five values, and one that reads a period. Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import recurra
from recurra.report.svg import BLUE, GREY, ORANGE, chart, drawing, standalone, to_svg

RESULT = Path(__file__).parent / "results" / "forecast_memory.json"
PERIODS = (4, 8, 16, 24, 40, 60, 80)
LEVELS, NOISE, REPEATS, HORIZON = 4, 0.1, 40, 5


def wave(period: int, seed: int = 0) -> np.ndarray:
    """A random course of LEVELS plateaus, again and again, with noise. [REPEATS * period]"""
    rng = np.random.default_rng([seed, period])
    plateaus = rng.permutation(np.linspace(-1, 1, LEVELS))
    course = plateaus[np.arange(period) * LEVELS // period]
    return np.tile(course, REPEATS) + NOISE * rng.normal(size=REPEATS * period)


def errors(period: int, seed: int, threads: int) -> dict[str, float]:
    """The mean absolute errors of the test part."""
    values = wave(period, seed)
    with tempfile.TemporaryDirectory() as folder:
        run = recurra.train(
            pl.DataFrame({"value": values}),
            task="forecast",
            out=Path(folder) / "run",
            horizon=HORIZON,
            season=period,
            step=1,
            seed=seed,
            threads=threads,
            quiet=True,
        )
    found = {"this model": run.metrics["metrics"]["mae"]}
    for each in run.metrics["baselines"]:
        name = each["name"]
        if name.startswith("MLP"):
            name = "MLP, window 5" if name == "MLP, window 5" else "MLP, window of a period"
        found[name] = each["metrics"]["mae"]
    return found


def picture(rows: dict[int, dict[str, float]]) -> str:
    """Error over period, as SVG text."""
    with drawing("forecast-memory"):
        figure, axes = chart()
        styles = {"this model": (ORANGE, "-"), "MLP, window of a period": (BLUE, "--"), "MLP, window 5": (BLUE, "-")}
        for name, (color, style) in styles.items():
            some = {period: row[name] for period, row in rows.items() if name in row}
            axes.plot(
                list(some), list(some.values()), color=color, linestyle=style, marker="o", markersize=3, label=name
            )
        axes.axhline(NOISE * np.sqrt(2 / np.pi), color=GREY, linewidth=0.8, linestyle=":", label="the noise alone")
        axes.set_xlabel("period, steps")
        axes.set_ylabel("mean absolute error")
        axes.set_ylim(bottom=0)
        axes.legend()
        return standalone(to_svg(figure, "Mean absolute errors of three forecasts as the period of a series grows"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--periods", type=int, nargs="+", default=list(PERIODS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="where the picture goes")
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    chosen = parser.parse_args()
    rows: dict[int, dict[str, float]] = {}
    for period in chosen.periods:
        rows[period] = errors(period, chosen.seed, chosen.threads)
        told = ", ".join(f"{name} {error:.3f}" for name, error in rows[period].items())
        print(f"period {period}: {told}", flush=True)
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps({str(p): row for p, row in rows.items()}, indent=2) + "\n", encoding="utf-8")
    if chosen.picture is not None:
        chosen.picture.write_text(picture(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
