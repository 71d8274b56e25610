"""What a model of characters reaches, by its width, its dropout, the text it has and the tokens it sees.

    RECURRA_DATA=FOLDER python benchmarks/widths.py run ptb --tokens 4000000 --widths 64 128 256 --steps 125 250 500
    RECURRA_DATA=FOLDER python benchmarks/widths.py run tinyshakespeare --widths 256 --steps 4700 --dropouts 0 0.1
    python benchmarks/widths.py cost tinyshakespeare
    python benchmarks/widths.py table

`run` trains each network for so many steps with the whole schedule within them, in one thread, and adds its loss to
widths.json; how busy the machine is changes nothing but the time. `cost` times a step of each, which is for an idle
machine. `table` prints the losses with the seconds that an idle thread takes: `recurra.tasks.language.width` chooses by
which width is the best after so many.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from recurra.api import precision
from recurra.api.preparation import settings_for
from recurra.data.corpus.mapped import Corpus
from recurra.tasks import registry
from recurra.tasks.language.width import Measuring
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.task import Dataset
from recurra.training import evaluation
from recurra.training.fit import fit

RESULTS = Path(__file__).with_name("widths.json")
COSTS = (
    (64, 32),
    (96, 32),
    (128, 32),
    (192, 32),
    (256, 32),
    (320, 32),
    (384, 32),
    (512, 32),
    (640, 32),
    (768, 64),
    (1024, 64),
)
"""Widths and rows of a batch."""
HELD_OUT = 1 << 15
"""Tokens of the validation part that are looked at."""


@functools.cache
def prepared(data: str) -> Dataset[Corpus]:
    """A text as characters."""
    source = resolve(data)
    return registry.get("language").task.prepare(source, settings_for(source, {"level": "char"}))


def trained(data: str, tokens: int, steps: int, seed: int, **given: Any) -> dict[str, Any]:
    """One network, trained for so many steps on the first tokens of a text."""
    dataset = prepared(data)
    asked = {"level": "char", "patience": 0, "seed": seed, "device": "cpu", "epochs": 1.0, **given}
    settings = precision.settled(settings_for(dataset.source, asked)).changed(output="softmax")
    found = fitted(dataset, settings, tokens, seed, steps=steps)
    training, network = settings.training, settings.network
    return {
        "data": data,
        "hidden_size": network.hidden_size,
        "batch_size": training.batch_size,
        "dropout": network.dropout,
        "seen": steps * training.batch_size * (training.bptt or 0),
        **found,
    }


def fitted(
    dataset: Dataset[Corpus], settings: Any, tokens: int, seed: int, *, steps: int = 0, passes: float = 0.0
) -> dict[str, Any]:
    """What a network learns in so many steps, or passes if these are 0, from the first tokens of a text."""
    task, corpus = registry.get("language").task, dataset.data
    corpus = replace(corpus, train=corpus.train[:tokens], validation=corpus.validation[:HELD_OUT])
    dataset = replace(dataset, data=corpus, settings=settings)
    torch.manual_seed(seed)
    trainee = task.trainee(task.network(dataset.preprocessor, settings), dataset)
    epochs = steps / trainee.steps(0) if steps else passes
    evaluation.EVALUATIONS = 1 if epochs < 4 else 4
    begun = time.process_time()
    points = fit(trainee, settings.training.model_copy(update={"epochs": epochs})).counters.points
    best = min(points, key=lambda point: point.validation_loss or 0.0)
    return {
        "tokens": len(corpus.train),
        "parameters": sum(weight.numel() for weight in trainee.network.parameters()),
        "steps": steps or round(epochs * trainee.steps(0)),
        "epochs": round(epochs, 3),
        "seed": seed,
        "train_loss": round(best.train_loss or 0.0, 4),
        "loss": round(best.validation_loss or 0.0, 4),
        "best_at": round(best.epoch / epochs, 2),
        "seconds": round(time.process_time() - begun, 1),
    }


def cost(width: int, batch: int, data: str) -> dict[str, Any]:
    """The fastest of some training steps of one thread."""
    dataset = prepared(data)
    settings = precision.settled(settings_for(dataset.source, {"level": "char", "device": "cpu", "epochs": 1.0}))
    settings = settings.changed(hidden_size=width, batch_size=batch)
    tokens, weights = Measuring(len(dataset.data.vocabulary), 60.0).rate(settings)
    size = settings.training.batch_size * settings.training.bptt
    return {
        "hidden_size": width,
        "batch_size": batch,
        "parameters": weights,
        "milliseconds": round(1e3 * size / tokens, 1),
        "tokens_a_second": round(tokens),
    }


def stored(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Runs and costs."""
    found: dict[str, list[dict[str, Any]]] = json.loads(file.read_text())
    return found


def add(file: Path, kind: str, found: dict[str, Any]) -> None:
    """To what is stored."""
    results = stored(file)
    results[kind].append(found)
    rows = {name: ",\n".join(json.dumps(row) for row in rows) for name, rows in results.items()}
    file.write_text("{" + ",\n".join(f'"{name}": [\n{text}\n]' for name, text in rows.items()) + "}\n")
    print(json.dumps(found), flush=True)


def table() -> None:
    """Each training, those of a text in the order of the seconds that an idle thread takes for them."""
    results = stored(RESULTS)
    costs = {(each["hidden_size"], each["batch_size"]): each["milliseconds"] for each in results["costs"]}
    names = ("data", "tokens", "hidden_size", "batch_size", "dropout", "steps", "epochs", "train_loss", "loss")
    print("| text | tokens | units | rows | dropout | steps | passes | training | validation | seconds |")
    print("|---" * 10 + "|")
    rows = []
    for run in results["runs"]:
        each = costs.get((run["hidden_size"], run["batch_size"]))
        seconds = "" if each is None else f"{run['steps'] * each / 1000:.1f}"
        rows.append((run["data"], run["tokens"], float(seconds or 0), [*(str(run[name]) for name in names), seconds]))
    for *_, cells in sorted(rows):
        print("| " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    doing = parser.add_subparsers(dest="doing", required=True)
    run, costs = doing.add_parser("run"), doing.add_parser("cost")
    doing.add_parser("table")
    for each in (run, costs):
        each.add_argument("data", help="a file or the name of a data set")
    run.add_argument("--tokens", type=int, default=1 << 40, help="of the training part")
    run.add_argument("--widths", type=int, nargs="+", required=True)
    run.add_argument("--batches", type=int, nargs="+", default=[32])
    run.add_argument("--dropouts", type=float, nargs="+", default=[0.0])
    run.add_argument("--steps", type=int, nargs="+", required=True)
    run.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.doing == "table":
        table()
    elif given.doing == "cost":
        for width, batch in COSTS:
            add(RESULTS, "costs", cost(width, batch, given.data))
    else:
        for steps, width, batch, dropout in itertools.product(given.steps, given.widths, given.batches, given.dropouts):
            more = {"hidden_size": width, "batch_size": batch, "dropout": dropout}
            add(RESULTS, "runs", trained(given.data, given.tokens, steps, given.seed, **more))


if __name__ == "__main__":
    main()
