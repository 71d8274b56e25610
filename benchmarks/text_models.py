"""Texts classified and tagged, beside linear models of the same data: one table, three seeds, mean and worst.

    RECURRA_DATA=FOLDER python benchmarks/text_models.py                            # hours on one thread
    RECURRA_DATA=FOLDER python benchmarks/text_models.py --only mr names --seeds 1
    RECURRA_DATA=FOLDER python benchmarks/text_models.py --rows 500 1000 2000       # with few rows of some sets too
    RECURRA_DATA=FOLDER python benchmarks/text_models.py --only mr --ensemble 3     # three networks a run

Each run is kept as soon as it is finished, so that what was stopped goes on where it was; `--anew` forgets all. A run
counts as above the baselines if it beats the best of them on the test part. Minimal pairs are read by the run of
online_shopping.
"""

from __future__ import annotations

import argparse
import collections
import csv
import json
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import recurra
from recurra.data.files.examples import Examples
from recurra.tasks.classify.examples import read_examples
from recurra.tasks.classify.settings import DEFAULTS
from recurra.tasks.sources.resolving import resolve

RESULT = Path(__file__).parent / "results" / "text_models.json"
CHINESE = {"normalize": ("nfkc", "lowercase")}
RUNS: dict[str, dict[str, Any]] = {
    "names": {},
    "mr": {"epochs": 5.0, "embedding_dropout": 0.3},
    "sst2": {"epochs": 3.0},
    "chnsenticorp": {"epochs": 6.0, "crop": 0.5} | CHINESE,
    "online_shopping": {"epochs": 10.0, "crop": 0.9, "embedding_dropout": 0.2, "split": (0.9, 0.05, 0.05)} | CHINESE,
    "ud_english_ewt": {},
    "atis": {},
    "resume_ner": {},
}
MUST = {
    "names": 0.855,
    "mr": 0.79,
    "sst2": 0.845,
    "chnsenticorp": 0.90,
    "ud_english_ewt": 0.955,
    "atis": 0.955,
    "resume_ner": 0.94,
}
"""Accuracy, or span F1 where tags write spans: the mean of the seeds."""
PAIRS = "chinese-pairs"
INTENTS = "atis-intents"
"""What the questions of atis ask for; a few rows of it are all that is measured."""
CUT = ("mr", "sst2", "chnsenticorp", "names", "online_shopping", INTENTS)
"""Data that are cut down to a few rows; the rule for few rows was made with the first four in view."""
TESTED = 2000
FEWEST = 5
"""Rows of a class that is kept among a few rows: fewer cannot be divided."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [*RUNS, INTENTS]
    parser.add_argument("--only", nargs="+", choices=known, default=known, help="some of the data sets")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=int, nargs="*", default=[], help=f"also that many rows of {', '.join(CUT)}")
    parser.add_argument("--few-only", action="store_true", help="of these, the few rows alone")
    parser.add_argument("--ensemble", type=int, default=1, help="networks of a run")
    parser.add_argument("--skip", choices=("auto", "none", "linear"), default="auto")
    parser.add_argument("--anew", action="store_true", help="forget the runs that are there")
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    chosen = parser.parse_args()
    found: dict[str, Any] = {}
    if chosen.json.exists() and not chosen.anew:
        found = json.loads(chosen.json.read_text(encoding="utf-8"))
    few_of = [f"{name} {count}" for name in CUT if name in chosen.only for count in chosen.rows]
    names = few_of if chosen.few_only else [*(name for name in chosen.only if name in RUNS), *few_of]
    asked = f"skip {chosen.skip}" + (f", {chosen.ensemble} networks" if chosen.ensemble > 1 else "")
    for name in names:
        for seed in range(chosen.seeds):
            key = f"{name}, seed {seed}, {asked}"
            if key not in found:
                given = {"seed": seed, "threads": chosen.threads, "skip": chosen.skip}
                given |= {"ensemble": chosen.ensemble} if chosen.ensemble > 1 else {}
                found[key] = measured(name, given)
                write(chosen.json, found)
            print(f"{key}: {found[key]['score']:.4f}, best baseline {found[key]['baseline']:.4f}", flush=True)
    print(table(found, names, chosen.seeds, asked))


def measured(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """One run, its best baseline, and how many minimal pairs it reads right if it reads any."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        data, _, count = name.partition(" ")
        source: Any = data
        if count:
            source, test = few(data, int(count), Path(folder))
            settings = given | {"test": str(test)}
        else:
            settings = RUNS[data] | given
        run = recurra.train(source, out=Path(folder) / "run", quiet=True, **settings)
        scores = run.metrics["metrics"]
        headline = "span_f1" if "span_f1" in scores else "accuracy"
        best = max(run.metrics["baselines"], key=lambda one: one["metrics"][headline])
        more = {}
        if name == "online_shopping":
            more = {"pairs": run.evaluate(PAIRS, groups="pair", text="text", label="label")["accuracy"]}
        return more | {
            "score": scores[headline],
            "scores": scores,
            "baseline": best["metrics"][headline],
            "baseline_scores": best["metrics"],
            "best_baseline": best["name"],
            "concluded": run.config["concluded"],
            "seconds": time.perf_counter() - begun,
            "load": os.getloadavg()[0],
        }


def few(name: str, count: int, folder: Path) -> tuple[Path, Path]:
    """So many rows of a set of labelled texts to learn from and validate with, and up to TESTED others to be tested on.

    Drawn once for all seeds: a tenth of a few rows would tell nothing apart.
    """
    data = resolve("atis", "tag").files["train"].parent.parent if name == INTENTS else name
    found = read_examples(resolve(data, "classify"), DEFAULTS.settings.changed(**_columns(data)).data)
    parts = [found] if isinstance(found, Examples) else list(found.values())
    whole = [(item.text, item.label) for part in parts for item in part.items]
    whole = random.Random(0).sample(list(dict.fromkeys(whole)), len(set(whole)))
    often = collections.Counter(label for _, label in whole[:count])
    kept = {label for label, rows in often.items() if rows >= FEWEST}
    paths = []
    for what, rows in (("", whole[:count]), ("-test", whole[count : count + TESTED])):
        paths.append(folder / f"{name}-{count}{what}.csv")
        with paths[-1].open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *(row for row in rows if row[1] in kept)])
    return paths[0], paths[1]


def _columns(data: str | Path) -> dict[str, Any]:
    """What a named set says of its columns."""
    options = resolve(data, "classify").options
    return {key: value for key, value in options.items() if key in DEFAULTS.settings.names()}


def write(path: Path, found: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def table(found: dict[str, Any], names: list[str], seeds: int, asked: str) -> str:
    lines = ["", "| data | mean | worst | best baseline | above it | must |", "|---|---|---|---|---|---|"]
    for name in names:
        runs = [found[f"{name}, seed {seed}, {asked}"] for seed in range(seeds)]
        scores, others = [one["score"] for one in runs], [one["baseline"] for one in runs]
        above = sum(a > b for a, b in zip(scores, others, strict=True))
        must = MUST.get(name)
        verdict = (
            "" if must is None else f"{must:.3f}, {'reached' if statistics.mean(scores) >= must else 'not reached'}"
        )
        best = f"{statistics.mean(others):.4f} {runs[0]['best_baseline']}"
        lines.append(
            f"| {name} | {statistics.mean(scores):.4f} | {min(scores):.4f} | {best} | {above} of {seeds} | {verdict} |"
        )
        if all("macro_f1" in one.get("baseline_scores", {}) for one in runs):
            first, second = ([one[key]["macro_f1"] for one in runs] for key in ("scores", "baseline_scores"))
            above = sum(a > b for a, b in zip(first, second, strict=True))
            lines.append(
                f"| macro-F1 | {statistics.mean(first):.4f} | {min(first):.4f} | {statistics.mean(second):.4f} "
                f"| {above} of {seeds} | |"
            )
        if "pairs" in runs[0]:
            pairs = [one["pairs"] for one in runs]
            lines.append(f"| {PAIRS} | {statistics.mean(pairs):.4f} | {min(pairs):.4f} | | | 0.800 |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
