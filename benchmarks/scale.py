"""What more machines would bring: steps and reductions measured here, the network between machines reckoned.

    python benchmarks/scale.py [--threads 1] [--repeats 9] [--out docs/scale.md] [--from FILE.json]

A step of three language models is timed at every number of rows from 32 down to 1, for a machine of N has 32 / N of
them or 32 of its own. The reduction is timed between two processes here: of one number, which is its latency, and of
the gradients, which is what gloo's copies and sums cost; beside it the same step in DistributedDataParallel.

Maths:  reduction of N machines = 2 (N - 1) (latency / 2 + WIRE) + 2 (N - 1) / N max(bytes / rate, what it costs here)
        gain = N step(32) / (step(32) + reduction), 32 rows on each machine; step(32) / (step(32 / N) + reduction) with
        32 in all. Efficiency is gain / N. A ring, as gloo's, sends every byte twice but for a share of 1 / N.
Writes JSON to benchmarks/results/, with --out also the table into that page.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import start_processes
from torch.nn.parallel import DistributedDataParallel

from recurra.bench.machine import describe
from recurra.tasks.language.settings import DEFAULTS, WORDS
from recurra.topologies.many_to_many import NextToken, TokenBatch
from recurra.training.optimizer import clip_gradient, optimizer_of
from recurra.training.processes.reduction import Numbers, Reduction
from recurra.training.settings import TrainingSettings

NAMES = ("hidden_size", "embedding_size", "tie_weights", "optimizer")
WORD_MODEL = {name: value for name, value in WORDS.items() if name in NAMES}
MODELS: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("characters, H 256", 65, {}),
    ("characters, H 256, AdamW", 65, {"optimizer": "adamw"}),
    ("characters, H 1024, AdamW", 65, {"hidden_size": 1024, "embedding_size": 128, "optimizer": "adamw"}),
    ("words, H 400, V 10,000", 10_000, WORD_MODEL),
)
ROWS, STEPS = (32, 16, 8, 4, 2, 1), 32
MACHINES = (2, 4, 8, 16, 32, 64)
RATES = (1, 10, 100)
"""Gbit/s."""
USABLE = 0.94
"""Of it, after the headers of Ethernet and TCP."""
WIRE = 20e-6
"""From one machine to the next through a switch and two cards, beside what the two processes here take. Assumed."""
WORTH = 0.8
"""An efficiency from which on another machine still brings something: the bend is where it falls below."""
BEGIN, END = "<!-- measured by benchmarks/scale.py -->", "<!-- end -->"


@dataclass
class Measured:
    """Seconds, but for the bytes. step: by rows; reduction, latency: between two processes of this machine; flat, ddp:
    a step of two processes with 2 rows each"""

    name: str
    parameters: int
    bytes: int
    step: dict[int, float]
    reduction: float
    latency: float
    flat: float
    ddp: float

    def reduce(self, machines: int, rate: float) -> float:
        """Predicted. rate: Gbit/s"""
        sent = self.bytes * 8 / (rate * 1e9 * USABLE)
        worked = max(0.0, self.reduction - self.latency)
        return 2 * (machines - 1) * (self.latency / 2 + WIRE) + 2 * (machines - 1) / machines * max(sent, worked)

    def own_rows(self, machines: int, rate: float) -> float:
        """Efficiency where each machine has 32 rows of its own."""
        return self.step[ROWS[0]] / (self.step[ROWS[0]] + self.reduce(machines, rate))

    def divided(self, machines: int, rate: float) -> float | None:
        """Efficiency where 32 rows are divided; None for more machines than rows."""
        if machines > ROWS[0]:
            return None
        return self.step[ROWS[0]] / (machines * (self.step[ROWS[0] // machines] + self.reduce(machines, rate)))


def all_reduce(tensor: Tensor) -> None:
    distributed.all_reduce(tensor)


def network_of(vocabulary: int, changes: dict[str, Any]) -> NextToken:
    torch.manual_seed(0)
    return NextToken(vocabulary, DEFAULTS.settings.changed(**changes).network)


def batch_of(vocabulary: int, rows: int) -> TokenBatch:
    tokens = torch.randint(vocabulary, (rows, STEPS + 1))
    return TokenBatch(tokens[:, :-1], tokens[:, 1:])


def training_of(changes: dict[str, Any]) -> TrainingSettings:
    found: TrainingSettings = DEFAULTS.settings.changed(**changes).training
    return found


def stepping(
    network: NextToken,
    batch: TokenBatch,
    training: TrainingSettings,
    reduce: Callable[[int], None] = lambda rows: None,
) -> Callable[[], None]:
    """A whole training step, as the loop does it."""
    optimizer = optimizer_of(network, training)
    network.train()

    def step() -> None:
        network.loss(batch).mean.backward()  # type: ignore[no-untyped-call]
        reduce(len(batch.tokens))
        clip_gradient(list(network.parameters()), training)
        optimizer.step()
        optimizer.zero_grad()

    return step


class Wrapped(nn.Module):
    """A network whose forward is its loss, for DistributedDataParallel."""

    def __init__(self, network: NextToken) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: TokenBatch) -> Tensor:
        return self.network.loss(batch).mean


def once(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def seconds(do: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """The fastest, after two warm-ups: neighbours on a shared machine only slow it down."""
    found = []
    for turn in range(repeats + 2):
        begun = clock()
        do()
        if turn > 1:
            found.append(clock() - begun)
    return min(found)


def beside(rank: int, folder: str, threads: int, repeats: int) -> None:
    """In each of two processes: reductions, and steps with them."""
    torch.set_num_threads(threads)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    found = {}
    for name, vocabulary, changes in MODELS:
        network, batch = network_of(vocabulary, changes), batch_of(vocabulary, 2)
        one = torch.zeros(1)
        reduction = Reduction(network, all_reduce)
        whole = torch.zeros(reduction.bytes // 4)

        def reduce(rows: int, reduction: Reduction = reduction) -> None:
            reduction.reduce(Numbers(weight=rows * STEPS, loss=1.0, units=rows * STEPS))

        latency = seconds(partial(all_reduce, one), 50 * repeats)
        all_of_it = seconds(partial(all_reduce, whole), 15 * repeats)
        other = network_of(vocabulary, changes)
        training = training_of(changes)
        sides = stepping(network, batch, training, reduce), wrapped(other, batch, training)
        turns = [[once(side) for side in sides] for _ in range(4 * repeats)]
        flat, ddp = (min(times) for times in zip(*turns, strict=True))
        found[name] = {"latency": latency, "reduction": all_of_it, "flat": flat, "ddp": ddp}
    if rank == 0:
        Path(folder, "found.json").write_text(json.dumps(found), encoding="utf-8")
    distributed.destroy_process_group()


def wrapped(network: NextToken, batch: TokenBatch, training: TrainingSettings) -> Callable[[], None]:
    """As `stepping`, with torch's own reduction."""
    module, optimizer = DistributedDataParallel(Wrapped(network)), optimizer_of(network, training)

    def step() -> None:
        module(batch).backward()
        clip_gradient(list(network.parameters()), training)
        optimizer.step()
        optimizer.zero_grad()

    return step


def between_processes(threads: int, repeats: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        start_processes(beside, (folder, threads, repeats), nprocs=2, start_method="fork")  # type: ignore[no-untyped-call]
        found: dict[str, dict[str, float]] = json.loads(Path(folder, "found.json").read_text(encoding="utf-8"))
    return found


def measure(threads: int, repeats: int) -> list[Measured]:
    torch.set_num_threads(1)  # before the processes are forked
    together = between_processes(threads, repeats)
    torch.set_num_threads(threads)
    found = []
    for name, vocabulary, changes in MODELS:
        network = network_of(vocabulary, changes)
        size = Reduction(network, lambda tensor: None).bytes
        # of one thread the time that it had a core, whoever had it meanwhile
        clock = time.process_time if threads == 1 else time.perf_counter
        step = {
            rows: seconds(stepping(network, batch_of(vocabulary, rows), training_of(changes)), repeats, clock)
            for rows in ROWS
        }
        parameters = sum(weight.numel() for weight in network.parameters())
        found.append(Measured(name, parameters, size, step, **together[name]))
        print(f"{name}: step {1e3 * step[ROWS[0]]:.1f} ms", flush=True)
    return found


def named(threads: int) -> str:
    """The processor and its instruction sets."""
    machine = describe(threads)
    return f"{machine.cpu} ({', '.join(machine.flags)})"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def bend(model: Measured, rate: float, efficiency: Callable[[Measured, int, float], float | None]) -> str:
    """The most machines whose efficiency is at least WORTH."""
    worth = [n for n in MACHINES if (found := efficiency(model, n, rate)) is not None and found >= WORTH]
    return f"{max(worth)}" if worth else "1"


def table(models: list[Measured], machine: str, threads: int) -> str:
    lines = [
        f"Measured on {machine}, threads a process: {threads}; the fastest of several; 32 rows of 32 steps, float32.",
        "",
        "| model | parameters | bytes a step, each way | 32 rows | 8 rows | 1 row | reduced by two processes here |",
        "|---|---|---|---|---|---|---|",
    ]
    for model in models:
        times = " | ".join(f"{1e3 * model.step[rows]:.1f} ms" for rows in (32, 8, 1))
        lines.append(
            f"| {model.name} | {model.parameters:,} | {model.bytes:,} | {times} | {1e3 * model.reduction:.2f} ms; "
            f"one number {1e3 * model.latency:.2f} ms |"
        )
    lines += ["", "Two processes here, 2 rows each, a whole step, so that the reduction is much of it:", ""]
    lines += ["| model | one flat reduction | DistributedDataParallel |", "|---|---|---|"]
    lines += [f"| {m.name} | {1e3 * m.flat:.1f} ms | {1e3 * m.ddp:.1f} ms |" for m in models]
    kinds = (("32 rows on each machine", Measured.own_rows), ("32 rows in all, divided", Measured.divided))
    for title, efficiency in kinds:
        lines += ["", f"Predicted efficiency, {title}:", ""]
        lines += [
            f"| model | Gbit/s | {' | '.join(map(str, MACHINES))} | bend |",
            "|---|---|" + "---|" * (len(MACHINES) + 1),
        ]
        for model in models:
            for rate in RATES:
                cells = " | ".join(percent(efficiency(model, n, rate)) for n in MACHINES)
                lines.append(f"| {model.name} | {rate} | {cells} | {bend(model, rate, efficiency)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--from", dest="source", type=Path)
    given = parser.parse_args()
    if given.source is None:
        models = measure(given.threads, given.repeats)
        made = {
            "machine": named(given.threads),
            "threads": given.threads,
            "models": [asdict(model) for model in models],
        }
        results = Path(__file__).parent / "results"
        results.mkdir(exist_ok=True)
        (results / "scale.json").write_text(json.dumps(made, indent=1) + os.linesep, encoding="utf-8")
    else:
        made = json.loads(given.source.read_text(encoding="utf-8"))
        models = [Measured(**m | {"step": {int(k): v for k, v in m["step"].items()}}) for m in made["models"]]
    page = table(models, made["machine"], made["threads"])
    print(page)
    if given.out is not None:
        before, rest = given.out.read_text(encoding="utf-8").split(BEGIN)
        given.out.write_text(f"{before}{BEGIN}\n\n{page}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
