"""Trainings with one thing wrong with each, and what is to be said of it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from recurra.api.diagnosing import diagnose, of_training
from recurra.api.preparation import prepare_run, settings_for
from recurra.api.setup import Setup
from recurra.inspection.diagnosis import Diagnosis
from recurra.layers.stack import Stack
from recurra.tasks.sources.resolving import resolve

PLAIN: dict[str, Any] = {
    "hidden_size": 16,
    "embedding_size": 8,
    "batch_size": 32,
    "dropout": 0.0,
    "bidirectional": False,
    "pooling": "last",
    "skip": "none",
    "level": "char",
    "cell": "gru",
    "device": "cpu",
    "patience": 0,
    "learning_rate": 3e-3,
}
Examples = Sequence[tuple[str, str]]


def remembering(count: int, length: int, seed: int, said: int = 1) -> Examples:
    """The class is the first letter of a long text, said so many times: a copy task of one symbol."""
    rng = random.Random(seed)
    noise = ["".join(rng.choices("cdefgh", k=length - said)) for _ in range(count)]
    return [(first * said + rest, first) for first, rest in zip(rng.choices("ab", k=count), noise, strict=True)]


def counting(count: int, seed: int, length: int = 10) -> Examples:
    """The class is whether a text has more a's or more b's."""
    rng, found = random.Random(seed), list[tuple[str, str]]()
    while len(found) < count:
        text = "".join(rng.choices("abcdefgh", weights=[3, 3, 1, 1, 1, 1, 1, 1], k=length))
        if text.count("a") != text.count("b"):
            found.append((text, "more" if text.count("a") > text.count("b") else "fewer"))
    return found


def train(
    folder: Path,
    examples: Examples,
    seed: int,
    *,
    change: Callable[[Setup], None] | None = None,
    every: int = 5,
    **settings: Any,
) -> Diagnosis:
    """change: what is done to the network before its first step"""
    path = folder / f"data{seed}.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in examples), encoding="utf-8")
    given = PLAIN | {"seed": seed} | settings
    if len({label for _, label in examples}) == 1:
        return diagnose(path, task="classify", **given)
    source = resolve(path, "classify")
    setup = prepare_run(source, settings_for(source, given))
    if change is not None:
        with torch.no_grad():
            change(setup)
    return of_training(setup, every=every)


def stack_of(setup: Setup) -> Stack:
    return next(module for module in setup.network.modules() if isinstance(module, Stack))


def scaled(factor: float) -> Callable[[Setup], None]:
    """Recurrent weights of this spectral radius, about."""

    def change(setup: Setup) -> None:
        weight = stack_of(setup).get_parameter("weight_hh_l0")
        weight.mul_(factor / torch.linalg.eigvals(weight).abs().max())

    return change


def remembers(setup: Setup) -> None:
    """Forget gates that stay open, input gates that let little in (chrono initialisation, Tallec 2018)."""
    i, f, _, _ = stack_of(setup).get_parameter("bias_hh_l0").chunk(4)
    f.fill_(math.log(199))
    i.fill_(-3.0)


def freeze_table(setup: Setup) -> None:
    setup.network.get_parameter("table.weight").requires_grad_(False)


def shuffled(examples: Examples, seed: int) -> Examples:
    labels = [label for _, label in examples]
    random.Random(seed + 1).shuffle(labels)
    return [(text, label) for (text, _), label in zip(examples, labels, strict=True)]


def noisy(examples: Examples, seed: int) -> Examples:
    """Every eighth label is another one."""
    rng, other = random.Random(seed), {"more": "fewer", "fewer": "more"}
    return [(text, other[label] if rng.random() < 1 / 8 else label) for text, label in examples]


HELD_OUT: dict[str, Any] = {"schedule": "constant", "split": (0.3, 0.7, 0.0)}
CASES: dict[str, Callable[[Path, int], Diagnosis]] = {
    "exploding": lambda folder, seed: train(
        folder, counting(300, seed, length=60), seed, cell="rnn-relu", change=scaled(2.5), epochs=2.0
    ),
    "vanishing": lambda folder, seed: train(
        folder, remembering(300, 200, seed), seed, cell="rnn", change=scaled(0.6), epochs=3.0
    ),
    "learning rate too high": lambda folder, seed: train(
        folder, counting(600, seed), seed, learning_rate=0.3, epochs=3.0
    ),
    "learning rate too low": lambda folder, seed: train(
        folder, counting(600, seed), seed, learning_rate=3e-5, epochs=3.0
    ),
    "labels do not follow": lambda folder, seed: train(
        folder, shuffled(counting(600, seed), seed), seed, epochs=6.0, learning_rate=1e-2
    ),
    "data": lambda folder, seed: train(folder, [(t, "only") for t, _ in counting(200, seed)], seed, epochs=1.0),
    "clipped away": lambda folder, seed: train(folder, counting(600, seed), seed, clip_norm=1e-6, epochs=3.0),
    "never trains": lambda folder, seed: train(folder, counting(600, seed), seed, change=freeze_table, epochs=3.0),
    "overfitting": lambda folder, seed: train(
        folder,
        noisy(counting(300, seed), seed),
        seed,
        epochs=40.0,
        learning_rate=2e-2,
        schedule="constant",
        split=(0.3, 0.7, 0.0),
    ),
}
"""By the kind of the finding that is the verdict."""


def long_memory(folder: Path, seed: int) -> Diagnosis:
    examples = remembering(600, 200, seed, said=60)
    more: dict[str, Any] = {"cell": "lstm", "epochs": 6.0, "learning_rate": 2e-2, "every": 40}
    return train(folder, examples, seed, change=remembers, **more)


def healthy(folder: Path, seed: int) -> Diagnosis:
    return train(folder, counting(600, seed), seed, epochs=6.0, learning_rate=1e-2)
