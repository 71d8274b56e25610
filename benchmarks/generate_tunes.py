"""Tunes written for a rhythm: do jigs carry 6/8 and reels 4/4, and are their bars complete?

    python benchmarks/generate_tunes.py                  # trains for 8 minutes, then evaluates
    python benchmarks/generate_tunes.py --run RUN        # evaluates a generator that is there already

The data set is `nottingham`. Judged are 200 jigs, 200 reels and 300 tunes of classes as frequent as in training, drawn
at several temperatures; beside them the same of Kneser-Ney n-grams of each class, the real tunes of the test part and
all real ones, which bound what can be asked. A tune's bars are complete by the rule of recurra.data.abc.bars.complete.
Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

import recurra
from recurra.api import provenance
from recurra.data.abc.bars import bars, complete, fits
from recurra.tasks.generate import data as generate_data
from recurra.tasks.generate.baselines import ClassGrams
from recurra.tasks.generate.data import GenerateData, Ids
from recurra.tasks.generate.samples import Drawn, from_grams, from_network, held_out, in_proportion, metre_of
from recurra.tasks.generate.trainee import Generator

RESULT = Path(__file__).parent / "results" / "generate_tunes.json"
OF_A_CLASS, OF_ALL = 200, 300
METRES = {"jigs": ("6/8",), "reels": ("4/4", "2/2")}
GRAMS = 7


def labels_to_draw(data: GenerateData) -> Ids:
    """200 jigs, 200 reels, then 300 as in training."""
    names = data.names()
    chosen = [np.full(OF_A_CLASS, names.index(name)) for name in METRES]
    return np.concatenate([*chosen, in_proportion(data, OF_ALL)])


def evaluated(drawn: Drawn, data: GenerateData, *, asked: bool) -> dict[str, float]:
    """Shares. asked: the first tunes are the jigs and the reels that were asked for, all others come last"""
    names, found = data.names(), {}
    groups = {name: np.flatnonzero(drawn.labels == names.index(name)) for name in METRES}
    if asked:
        groups = {name: np.arange(i * OF_A_CLASS, (i + 1) * OF_A_CLASS) for i, name in enumerate(METRES)}
    for name, rows in groups.items():
        metres = [metre_of(drawn.texts[i]) for i in rows.tolist()]
        found[f"{name} in {' or '.join(METRES[name])}"] = float(np.mean([metre in METRES[name] for metre in metres]))
        found[f"{name} complete"] = float(np.mean([complete(drawn.texts[i]) for i in rows.tolist()]))
    texts = drawn.texts[2 * OF_A_CLASS :] if asked else drawn.texts
    found["all complete"] = float(np.mean([complete(text) for text in texts]))
    counted = [bar for text in texts for bar in bars(text) or []]
    found["single bars"] = sum(map(fits, counted)) / max(1, len(counted))
    train = set(data.parts["train"].texts)
    found["new"] = float(np.mean([text not in train for text in texts]))
    found["bars"] = len(counted) / len(texts)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a trained generator of `nottingham`")
    parser.add_argument("--out", type=Path, help="where the trained generator goes; default: nowhere")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--seed", type=int, default=0, help="of a new training")
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    chosen = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        if chosen.run:
            run = recurra.load(chosen.run)
        else:
            out = chosen.out or Path(folder) / "generator"
            run = recurra.train("nottingham", out=out, minutes=chosen.minutes, seed=chosen.seed, overwrite=True)
    source = provenance.find(run.stored, run.folder)
    data = generate_data.prepare(source, run.settings.data, seed=run.settings.training.seed)
    assert isinstance(run.model, Generator)
    labels = labels_to_draw(data)
    rows = {}
    for heat in (0.4, 0.6, 0.8, 1.0):
        drawn = from_network(run.model.network, data, labels, temperature=heat)
        rows[f"this model, temperature {heat}"] = evaluated(drawn, data, asked=True)
    grams = ClassGrams.fit(data.parts["train"], data, GRAMS)
    for heat in (0.4, 0.6, 0.8, 1.0):
        drawn = from_grams(grams, data, labels, temperature=heat)
        rows[f"{GRAMS}-grams of each class, temperature {heat}"] = evaluated(drawn, data, asked=True)
    rows["real tunes, test part"] = evaluated(held_out(data, "test"), data, asked=False)
    parts = data.parts.values()
    real = Drawn([t for part in parts for t in part.texts], np.concatenate([part.labels for part in parts]))
    rows["real tunes, all"] = evaluated(real, data, asked=False)
    columns = list(next(iter(rows.values())))
    print("| source | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(f"{row[c]:.1f}" if c == "bars" else f"{row[c]:.3f}" for c in columns) + " |")
    tested = run.metrics["metrics"]
    figures = {"test": tested, "baselines": run.metrics["baselines"], "rows": rows}
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
