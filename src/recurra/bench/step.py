"""The whole training step, tokens in: as `recurra train` does it, and in plain torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from recurra.bench.cases import Case
from recurra.bench.compare import timed
from recurra.bench.machine import Rates
from recurra.bench.parts import Parts
from recurra.bench.plain_step import ways
from recurra.bench.record import Request, Row
from recurra.bench.recurra_side import SEED, cell_of
from recurra.bench.roofline import Work, layer_work, linear_work, together
from recurra.bench.task_step import task_step
from recurra.bench.timing import WARM_UPS
from recurra.bench.turns import Turns, block_for, steps_of
from recurra.bench.watched import WatchedTask, disagreement, engine_name, train
from recurra.data.corpus.mapped import Corpus
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import EngineError
from recurra.tasks.language.trainee import LanguageTrainee
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import NextTokenSettings
from recurra.training.settings import TrainingSettings

VOCABULARY = 65
"""Characters, as many as Tiny Shakespeare has."""


def step(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """Batcher, network, loss, clipping, AdamW: our step beside torch's; of language models the share of each part."""
    if case.task is not None:
        return task_step(case, asked, rates)
    work = work_of(case)
    block = block_for(rates.roofline(work, case.precision))
    tokens = _tokens(case, steps_of(asked.repeats, block) + 1)  # nothing is called after the last step
    settings = _settings(case)
    task = _task(case, tokens, asked.engine)
    assert isinstance(task.network, NextToken)
    engine = engine_name(task.network.stack, case.shape.batch)
    peers = ways(case, task.network, tokens, settings)
    turns = Turns([side.step for side in peers], asked.repeats, block)
    watched = WatchedTask(task, turns.after)
    row = Row(case, engine, "torch.nn")
    try:
        train(watched, settings)
    except EngineError as error:
        return [replace(row, status="not run", reason=str(error))]
    own = turns.times(watched.seconds)
    found = [(turns.times(seconds), side) for seconds, side in zip(turns.seconds, peers, strict=True)]
    reason = disagreement(min(watched.apart(side.losses) for side in peers), case.precision)
    if reason is not None:
        return [replace(row, status="differs", reason=reason)]
    agreeing = [one for one in found if disagreement(watched.apart(one[1].losses), case.precision) is None]
    times, side = min(agreeing, key=lambda one: one[0].median)
    fewer = tokens[: len(_tokens(case, WARM_UPS + asked.repeats))]
    parts = _parts(case, fewer, asked.engine)
    row = replace(row, variant=side.variant, difference=watched.apart(side.losses), parts=parts)
    return [timed(row, own, times, work, rates)]


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


def _parts(case: Case, tokens: Any, engine: str) -> dict[str, float]:
    """Of further steps, with a mark at the end of each part."""
    task = _task(case, tokens, engine)
    assert isinstance(task.network, NextToken)
    with Parts(task.network) as parts:
        train(WatchedTask(task, lambda _: None, parts), _settings(case))
    return parts.shares(WARM_UPS)
