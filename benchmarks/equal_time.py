"""Settings of a training beside each other at equal processor time: what a default was chosen by.

    RECURRA_DATA=FOLDER python benchmarks/equal_time.py tinyshakespeare --seconds 100
    RECURRA_DATA=FOLDER python benchmarks/equal_time.py ptb --level char --seconds 60
    RECURRA_DATA=FOLDER python benchmarks/equal_time.py multi30k --settings optimizer=adamw optimizer=muon

A budget is processor time of one thread, evaluations included, so that a busy machine favours nobody; the whole
schedule runs within it. Products are computed as in a training: in bfloat16 where the processor has them, unless
precision=32 is among the settings. Every line is the loss in nats of the validation part, which also chose between the
weights and their running average, and says which products it had.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import torch

from recurra.api import precision
from recurra.api.preparation import settings_for
from recurra.tasks import registry
from recurra.tasks.sources.resolving import resolve
from recurra.training.fit import fit

LANGUAGE = (
    "optimizer=adamw,learning_rate=0.01,bptt=32",
    "optimizer=muon,learning_rate=0.02,bptt=64",
    "optimizer=muon,learning_rate=0.02,bptt=64,dropout=0.15",
    "optimizer=muon,learning_rate=0.02,bptt=64,hidden_size=384",
)
"""What the defaults of characters were chosen from."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="a file, a folder or the name of a data set")
    parser.add_argument("--seconds", type=float, default=100.0, help="processor time of each training")
    parser.add_argument("--level", help="char, word, byte or bpe; if not given, the data set's own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", nargs="+", default=LANGUAGE, help="name=value,...")
    given = parser.parse_args()
    torch.set_num_threads(1)
    unnamed = [line for line in given.settings if not all("=" in part for part in line.split(","))]
    if unnamed:
        parser.error(f"settings are name=value,..., got {unnamed[0]!r}")
    for line in given.settings:
        names = dict(part.split("=", 1) for part in line.split(","))
        values = {name: value if name == "precision" else _value(value) for name, value in names.items()}
        if given.level is not None:
            values["level"] = given.level
        print(line, *_trained(given.data, values, given.seconds, given.seed), sep="  ", flush=True)


def _trained(data: str, values: dict[str, Any], seconds: float, seed: int) -> tuple[str, str, str, str]:
    """What is reached, after how much, in how long, with which products."""
    source = resolve(data)
    row = registry.get(source.task)
    settings = settings_for(source, {**values, "minutes": seconds / 60, "patience": 0, "seed": seed, "device": "cpu"})
    dataset = row.task.prepare(source, precision.settled(settings))
    torch.manual_seed(seed)
    trainee = row.task.trainee(row.task.network(dataset.preprocessor, dataset.settings), dataset)
    begun = time.process_time()
    counters = fit(trainee, dataset.settings.training, clock=time.process_time).counters
    took = time.process_time() - begun
    loss = min(point.validation_loss for point in counters.points if point.validation_loss is not None)
    return (
        f"{loss:.4f} nats",
        f"{counters.points[-1].epoch:.2f} epochs",
        f"{took:.0f} s",
        precision.products(dataset.settings),
    )


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


if __name__ == "__main__":
    main()
