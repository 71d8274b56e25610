"""Which network of words is the best after so many passes through so large a text: settings that follow a budget.

    RECURRA_DATA=FOLDER python benchmarks/word_sizes.py run ptb --steps 400 --settings num_layers=1 num_layers=2
    RECURRA_DATA=FOLDER python benchmarks/word_sizes.py run ptb --tokens 150000 --passes 4 --settings hidden_size=256
    RECURRA_DATA=FOLDER python benchmarks/word_sizes.py cost ptb --settings num_layers=1 num_layers=2
    python benchmarks/word_sizes.py table

`run` trains each network for so many steps, or passes, with the whole schedule within them, in one thread, and adds its
loss to word_sizes.json; how busy the machine is changes nothing but the time. `cost` times a step of each, which is for
an idle machine. `table` prints all losses.
"""

from __future__ import annotations

import argparse
import functools
import json
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
from widths import add, fitted, stored

RESULTS = Path(__file__).with_name("word_sizes.json")


@functools.cache
def prepared(data: str) -> Dataset[Corpus]:
    """A text as words."""
    source = resolve(data)
    return registry.get("language").task.prepare(source, settings_for(source, {"level": "word"}))


def trained(data: str, tokens: int, steps: int, passes: float, seed: int, given: dict[str, Any]) -> dict[str, Any]:
    """One network, trained for so many steps, or passes if these are 0, on the first tokens of a text."""
    dataset = prepared(data)
    asked = {"level": "word", "patience": 0, "seed": seed, "device": "cpu", "epochs": 1.0, **given}
    if "hidden_size" in given:
        asked["embedding_size"] = given["hidden_size"]
    settings = precision.settled(settings_for(dataset.source, asked))
    found = fitted(dataset, settings, tokens, seed, steps=steps, passes=passes)
    return {"data": data, "settings": given, "passes": found.pop("epochs"), **found}


def cost(data: str, given: dict[str, Any]) -> dict[str, Any]:
    """The fastest of some training steps of one thread."""
    dataset = prepared(data)
    asked = {"level": "word", "device": "cpu", "epochs": 1.0, **given}
    settings = precision.settled(settings_for(dataset.source, asked))
    rate, weights = Measuring(len(dataset.data.vocabulary), 60.0).rate(settings)
    return {"data": data, "settings": given, "parameters": weights, "tokens_a_second": round(rate)}


def table() -> None:
    """Each training, those of a text in the order of their passes."""
    names = ("data", "tokens", "passes", "steps", "train_loss", "loss")
    print("| text | tokens | passes | steps | training | validation | settings |")
    print("|---" * 7 + "|")
    for run in sorted(
        stored(RESULTS)["runs"], key=lambda run: (run["data"], run["tokens"], run["passes"], run["loss"])
    ):
        settings = ", ".join(f"{name} {value}" for name, value in run["settings"].items())
        print("| " + " | ".join([*(str(run[name]) for name in names), settings]) + " |")


def _values(line: str) -> dict[str, Any]:
    """Of name=value,..."""
    return {name: _value(value) for name, value in (part.split("=", 1) for part in line.split(",") if part)}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    doing = parser.add_subparsers(dest="doing", required=True)
    run, costs = doing.add_parser("run"), doing.add_parser("cost")
    doing.add_parser("table")
    for each in (run, costs):
        each.add_argument("data", help="a file or the name of a data set")
        each.add_argument("--settings", nargs="+", default=[""], help="name=value,...")
    run.add_argument("--tokens", type=int, default=1 << 40, help="of the training part")
    length = run.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=int, default=0)
    length.add_argument("--passes", type=float, default=0.0)
    run.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.doing == "table":
        table()
    for line in () if given.doing == "table" else given.settings:
        if given.doing == "cost":
            add(RESULTS, "costs", cost(given.data, _values(line)))
        else:
            add(
                RESULTS, "runs", trained(given.data, given.tokens, given.steps, given.passes, given.seed, _values(line))
            )


if __name__ == "__main__":
    main()
