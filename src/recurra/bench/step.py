"""The whole training step of a character model, tokens in: as `recurra train` does it, and in plain torch."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from recurra.bench.cases import Case, Precision
from recurra.bench.compare import timed
from recurra.bench.machine import Rates
from recurra.bench.parts import Parts
from recurra.bench.plain_step import PlainStep, ways
from recurra.bench.record import Request, Row
from recurra.bench.recurra_side import SEED, cell_of
from recurra.bench.roofline import Work, layer_work, linear_work, together
from recurra.bench.timing import WARM_UPS, Times, no_collection
from recurra.data.corpus.mapped import Corpus
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.choose import choose
from recurra.engines.request import Request as EngineRequest
from recurra.engines.request import State
from recurra.errors import EngineError, StoppedError
from recurra.tasks.language.trainee import LanguageTrainee
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.sequence_model import Loss
from recurra.topologies.settings import NextTokenSettings
from recurra.training.fit import fit
from recurra.training.settings import TrainingSettings

VOCABULARY = 65
"""Characters, as many as Tiny Shakespeare has."""
SAME_LOSS: dict[Precision, float] = {"float32": 1e-3, "bfloat16": 2e-2}
"""How far the losses of the first steps of both sides may be apart, of the loss."""
COMPARED = 3
"""So many steps. Later ones differ by more: training amplifies rounding."""


class Watch(Protocol):
    """Hears of the moments of a step."""

    def mark(self, moment: str) -> None: ...


class WatchedTask:
    """Our language model as the training loop sees it, with a clock that runs from one asked batch to the next.

    What it measures is so the step of `recurra train` itself, whatever that does. after: called between two steps with
    the clock stopped.
    """

    def __init__(self, task: LanguageTrainee, after: Callable[[int], None], watch: Watch | None = None) -> None:
        self.task, self.after, self.watch = task, after, watch
        self.network, self.evaluation_units, self.steps, self.rank = task.network, 1, task.steps, task.rank
        self.seconds: list[float] = []
        self.losses: list[Tensor] = []
        self._begun = 0.0
        self._running = False

    def batches(self, epoch: int) -> Iterator[Any]:
        source = self.task.batches(epoch)
        for index in range(self.steps(epoch)):
            self._running, self._begun = True, time.perf_counter()
            self._mark("begun")
            batch = next(source)
            self._mark("batch")
            yield batch
            self._end()
            self.after(index)

    def loss(self, network: Any, batch: Any, state: State | None) -> Loss:
        self._mark("loss begun")
        found = self.task.loss(network, batch, state)
        self._mark("loss")
        self.losses.append(found.mean.detach())
        return found

    def evaluate(self, network: Any) -> dict[str, float]:
        """Nothing is evaluated; an evaluation comes after a step, which ends here."""
        self._end()
        return {"loss": 0.0}

    def _end(self) -> None:
        if self._running:
            self._mark("ended")
            self.seconds.append(time.perf_counter() - self._begun)
            self._running = False

    def _mark(self, moment: str) -> None:
        if self.watch is not None:
            self.watch.mark(moment)


def step(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """Batcher, embedding, layers, softmax, clipping, AdamW: our step beside torch's, and the share of each part."""
    steps = WARM_UPS + asked.repeats
    tokens = _tokens(case, steps + 1)
    settings = _settings(case)
    watched = WatchedTask(_task(case, tokens, asked.engine), lambda index: take_turns(index))
    engine = _engine(case, watched.network)
    peers = ways(case, watched.network, tokens, settings)
    samples: list[list[float]] = [[] for _ in peers]

    def take_turns(index: int) -> None:
        for side, found in zip(peers, samples, strict=True):
            begun = time.perf_counter()
            side.step(index)
            found.append(time.perf_counter() - begun)

    row = Row(case, engine, "torch.nn")
    try:
        _train(watched, settings)
    except EngineError as error:
        return [replace(row, status="not run", reason=str(error))]
    own = Times(tuple(watched.seconds[WARM_UPS:steps]))
    found = [(Times(tuple(s[WARM_UPS:steps])), side) for s, side in zip(samples, peers, strict=True)]
    agreeing = [(times, side) for times, side in found if _apart(watched, side) <= SAME_LOSS[case.precision]]
    if not agreeing:
        apart = min(_apart(watched, side) for side in peers)
        reason = f"the results differ: the losses of the first {COMPARED} steps by {apart:.1g} of their value"
        return [replace(row, status="differs", reason=reason)]
    times, side = min(agreeing, key=lambda one: one[0].median)
    row = replace(row, variant=side.variant, difference=_apart(watched, side), parts=_parts(case, tokens, asked.engine))
    return [timed(row, own, times, work_of(case), rates)]


def work_of(case: Case) -> Work:
    """The table is projected once, since tokens repeat; every layer above and the output layer read all steps."""
    s, cell, indices = case.shape, cell_of(case.cell), case.shape.batch * case.shape.time
    widths = [s.input_size] + [s.hidden_size] * (case.layers - 1)
    layers = [
        layer_work(
            cell,
            width,
            s.hidden_size,
            rows=indices,
            steps=s.time,
            precision=case.precision,
            training=True,
            projected=min(VOCABULARY, indices) if index == 0 else None,
        )
        for index, width in enumerate(widths)
    ]
    return together(*layers, linear_work(s.hidden_size, VOCABULARY, rows=indices))


def _tokens(case: Case, steps: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Random characters, as many as the steps read."""
    count = case.shape.batch * case.shape.time * steps + 1
    return np.random.default_rng(SEED).integers(1, VOCABULARY, count).astype(np.uint16)


def _settings(case: Case) -> TrainingSettings:
    return TrainingSettings(
        epochs=1,
        batch_size=case.shape.batch,
        learning_rate=1e-3,
        schedule="constant",
        warmup=0.0,
        device="cpu",
        precision="bf16" if case.precision == "bfloat16" else "32",
    )


def _task(case: Case, tokens: Any, engine: str) -> LanguageTrainee:
    s = case.shape
    network = NextTokenSettings(
        cell=case.cell, hidden_size=s.hidden_size, num_layers=case.layers, embedding_size=s.input_size, engine=engine
    )
    vocabulary = Vocabulary(["<unk>", *map(chr, range(0x100, 0x100 + VOCABULARY - 1))], level="char")
    corpus = Corpus(vocabulary, tokens, tokens[:0], tokens[:0], {}, {})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        made = NextToken(len(vocabulary), network)
    return LanguageTrainee(made, corpus, batch_size=s.batch, bptt=s.time, seed=SEED)


def _train(watched: WatchedTask, settings: TrainingSettings) -> None:
    with torch.random.fork_rng(devices=[]), no_collection(), _quiet_fabric():
        outcome = fit(watched, settings)
    if outcome.signal is not None:
        raise StoppedError("the benchmark was stopped", outcome.signal)


@contextmanager
def _quiet_fabric() -> Iterator[None]:
    """Fabric tells of every set-up in bfloat16."""
    log = logging.getLogger("lightning_fabric.utilities.rank_zero")
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(before)


def _apart(watched: WatchedTask, side: PlainStep) -> float:
    """Largest difference of the first losses, of the loss; infinity where one is no number."""
    pairs = zip(watched.losses[:COMPARED], side.losses[:COMPARED], strict=True)
    apart = [abs(float(own) - float(other)) / abs(float(other)) for own, other in pairs]
    return max(value if value == value else float("inf") for value in apart)


def _parts(case: Case, tokens: Any, engine: str) -> dict[str, float]:
    """Of as many further steps, with a mark at the end of each part."""
    task = _task(case, tokens, engine)
    assert isinstance(task.network, NextToken)
    with Parts(task.network) as parts:
        _train(WatchedTask(task, lambda _: None, parts), _settings(case))
    return parts.shares(WARM_UPS)


def _engine(case: Case, network: nn.Module) -> str:
    """The name of the engine that runs the first layer."""
    assert isinstance(network, NextToken)
    layers = network.stack
    if layers.engine != "auto":
        return layers.engine
    embedded = network.table(torch.zeros(case.shape.batch, case.shape.time, dtype=torch.int64))
    state = tuple(s[0] for s in layers.initial_state(case.shape.batch))
    return choose(EngineRequest(layers.cell, layers.weights(), embedded, state)).name
