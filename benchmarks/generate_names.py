"""Names written for a class: does our own classifier recognise the class, and are they new?

    python benchmarks/generate_names.py                  # trains for 3 minutes, then the classifier, then evaluates
    python benchmarks/generate_names.py --run RUN        # evaluates a generator that is there already

Both are trained on the same training part of the data set `names`; the classifier once as it is, and once with
`--balance 1`, to which every class is as likely as any other. Judged are 1,000 names whose classes are as frequent as
in training and 1,000 with every class as often as any other; beside them the same of Kneser-Ney n-grams of each class,
and the real names of the test part (of which the even share is the mean over the classes). New is what no training name
of any class is. Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import recurra
from recurra.api import provenance
from recurra.tasks.classify import data as classify_data
from recurra.tasks.classify.settings import DEFAULTS
from recurra.tasks.generate import data as generate_data
from recurra.tasks.generate.baselines import ClassGrams
from recurra.tasks.generate.data import GenerateData, Ids
from recurra.tasks.generate.report import GRAMS
from recurra.tasks.generate.samples import Drawn, evenly, from_grams, from_network, held_out, in_proportion, quality
from recurra.tasks.generate.trainee import Generator
from recurra.tasks.sources.resolving import resolve

RESULT = Path(__file__).parent / "results" / "generate_names.json"
DRAWN = 1000


def classifier(data: GenerateData, folder: Path, *, seed: int, balance: float) -> recurra.Run:
    """Trained on the generator's own training part, which is checked."""
    settings = DEFAULTS.settings.data
    theirs = classify_data.prepare(resolve("names", "classify"), settings, seed=seed).parts["train"]
    if sorted(theirs.texts) != sorted(data.parts["train"].texts):
        raise SystemExit("the classifier's training names are not the generator's")
    return recurra.train(
        "names", task="classify", out=folder / f"classifier-{balance}", seed=seed, balance=balance, quiet=True
    )


def recognised(model: recurra.Run, drawn: Drawn, data: GenerateData) -> np.ndarray:
    """For each text whether it is taken for its class; an empty one is not."""
    names = data.names()
    found = iter(model.predict([text for text in drawn.texts if text.strip()]))
    taken = [next(found).label if text.strip() else "" for text in drawn.texts]
    return np.array([name == names[label] for name, label in zip(taken, drawn.labels.tolist(), strict=True)])


def mean_of_classes(right: np.ndarray, labels: Ids) -> float:
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a trained generator of `names`")
    parser.add_argument("--out", type=Path, help="where the trained generator goes; default: nowhere")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0, help="of a new training")
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    chosen = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        if chosen.run:
            run = recurra.load(chosen.run)
        else:
            out = chosen.out or Path(folder) / "generator"
            run = recurra.train(
                "names", task="generate", out=out, minutes=chosen.minutes, seed=chosen.seed, overwrite=True
            )
        seed = run.settings.training.seed
        source = provenance.find(run.stored, run.folder)
        data = generate_data.prepare(source, run.settings.data, seed=seed)
        judges = {b: classifier(data, Path(folder), seed=seed, balance=b) for b in (0.0, 1.0)}
    assert isinstance(run.model, Generator)
    grams = ClassGrams.fit(data.parts["train"], data, GRAMS)
    rows = []
    for drawn_as, labels in (("as in training", in_proportion(data, DRAWN)), ("evenly", evenly(data, DRAWN))):
        sources = {}
        for heat in (0.5, 0.8, 1.0):
            drawn = from_network(run.model.network, data, labels, temperature=heat)
            sources[f"this model, temperature {heat}"] = drawn
        for heat in (0.8, 1.0):
            drawn = from_grams(grams, data, labels, temperature=heat)
            sources[f"{GRAMS}-grams of each class, temperature {heat}"] = drawn
        sources["real names, test part"] = held_out(data, "test")
        for name, drawn in sources.items():
            row: dict[str, Any] = {"classes": drawn_as, "source": name}
            for balance, check in judges.items():
                right = recognised(check, drawn, data)
                real = drawn_as == "evenly" and name.startswith("real")
                share = mean_of_classes(right, drawn.labels) if real else float(right.mean())
                row["recognised" + (", balanced" if balance else "")] = share
            rows.append(row | quality(drawn, data))
    columns = list(rows[0])
    for cells in (columns, ["---"] * len(columns), *(list(row.values()) for row in rows)):
        print("| " + " | ".join(f"{c:.3f}" if isinstance(c, float) else str(c) for c in cells) + " |")
    tested = run.metrics["metrics"]
    figures = {"seed": seed, "drawn": DRAWN, "test": tested, "baselines": run.metrics["baselines"], "rows": rows}
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
