"""N to N: the next token of a text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from recurra.data.batching.batches import StreamBatches
from recurra.data.corpus.mapped import Corpus
from recurra.engines.request import State
from recurra.report.metric import ranked
from recurra.tasks.language.metrics import METRICS
from recurra.tasks.text.losses import named_loss
from recurra.topologies.many_to_many import NextToken, TokenBatch
from recurra.topologies.sequence_model import Loss
from recurra.training.processes.division import edges
from recurra.training.processes.spread import spread, working_together

Tokens = npt.NDArray[np.integer[Any]]
STREAMS = 32
"""Streams in which an evaluated text is read at once."""
WARM_UP = 128
"""Tokens that each of them, but the first, reads unscored before its own part begins."""
LENGTH = 500
"""Tokens that are generated if nothing else is said."""
PIECES = 16
"""Of a text of which a part alone is evaluated."""
LEAST_EVALUATED, FEWEST_EVALUATED, DEARER = 1 << 14, 1 << 11, 5
"""Tokens that say something of a model; of one so slow that these take more than so many times as long as they should,
fewer do, but so many at least."""
CHUNK = 128
"""Tokens read at a time."""


class LanguageTrainee:
    """A language model to be trained; see training.trainee.Trainee."""

    unit = "tokens"
    chosen_by = ("loss",)

    def __init__(
        self,
        network: nn.Module,
        corpus: Corpus,
        *,
        batch_size: int,
        bptt: int | None,
        seed: int,
        state_reset: float = 0.0,
    ) -> None:
        self.corpus, self.state_reset = corpus, state_reset
        self.seed = seed if bptt is not None else None  # streams in one piece have no place to start elsewhere
        self.evaluation_units = len(corpus.validation)
        self.validation: Tokens = corpus.validation
        self.network = network
        self._batches = StreamBatches(corpus.train, batch_size, bptt or len(corpus.train))

    def steps(self, epoch: int) -> int:
        batches = self._batches
        length = (len(self.corpus.train) - 1 - batches.offset(epoch, self.seed)) // batches.batch_size
        return -(-length // batches.steps)

    def batches(self, epoch: int) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        return self._batches.epoch(epoch, self.seed)

    def costs(self, batch: Any) -> npt.NDArray[Any]:
        return np.ones(len(batch[0]))

    def rows(self, batch: Any, rows: slice) -> Any:
        return (batch[0][rows], batch[1][rows])

    def loss(self, network: NextToken, batch: Any, state: State | None) -> Loss:
        device = next(network.parameters()).device
        tokens, targets = (torch.from_numpy(a).to(device) for a in batch)
        fresh = None
        if state is not None and self.state_reset:
            fresh = (torch.rand(len(tokens)) < self.state_reset).to(device)
        return network.loss(TokenBatch(tokens, targets, fresh=fresh), state)

    def carried(self) -> list[tuple[int, ...]]:
        """The shapes of the state that goes from a batch to the next one."""
        assert isinstance(self.network, NextToken)
        return [tuple(part.shape) for part in self.network.stack.initial_state(self._batches.batch_size)]

    def evaluate(self, network: NextToken) -> dict[str, float]:
        return evaluate_part(network, self.validation, self.corpus.vocabulary.level)

    def limit_evaluation(self, units: int) -> int:
        least = min(LEAST_EVALUATED, max(FEWEST_EVALUATED, DEARER * units))
        self.validation = evenly(self.corpus.validation, max(units, least))
        return len(self.validation)

    def rank(self, found: dict[str, float]) -> list[float]:
        return ranked(METRICS, self.chosen_by, found)


def evenly(tokens: Tokens, count: int) -> Tokens:
    """So many of a text's tokens: PIECES of it, evenly spread, one behind the other; all if there are fewer.

    Where a text changes on its way, such as from one play to the next, its beginning alone would not say what it is.
    """
    if count >= len(tokens):
        return tokens
    begins = np.linspace(0, count, PIECES + 1).astype(np.int64)
    starts = np.linspace(0, len(tokens) - count, PIECES).astype(np.int64) + begins[:-1]
    sizes = np.diff(begins)
    return np.concatenate([tokens[start : start + size] for start, size in zip(starts, sizes, strict=True)])


@torch.inference_mode()
def nats_per_token(network: NextToken, tokens: Tokens) -> float:
    """Mean negative log-probability of every token but the first, each scored once, with the state carried.

    Shapes: tokens [N], N >= 2. Units: nats
    """

    def of_some(rows: slice) -> float:
        total = 0.0
        for _, inside, losses, _ in read_in_streams(network, tokens, rows):
            total += float(losses[torch.from_numpy(inside).to(losses.device)].double().sum())
        return total

    ends = edges(np.ones(streams_of(tokens)), working_together())
    return sum(spread([slice(a, b) for a, b in pairwise(ends) if a < b], of_some), start=0.0) / (len(tokens) - 1)


Streamed = tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], Tensor, Tensor]


def streams_of(tokens: Tokens) -> int:
    """In how many streams a text is read."""
    return min(STREAMS, max(1, (len(tokens) - 1) // (4 * WARM_UP)))


def read_in_streams(network: NextToken, tokens: Tokens, rows: slice = slice(None)) -> Iterator[Streamed]:
    """A text in streams side by side, the state carried: some steps of all of them at a time.

    rows: the streams that are read, all of them if not given
    Shapes: tokens [N], N >= 2 -> indices int64 [S, T] of inputs; inside [S, T], which of them are of the text; losses
    [S, T] of the tokens that follow; outputs [S, T, H]. Units: nats
    """
    network.eval()
    device = next(network.parameters()).device
    scored = len(tokens) - 1
    streams = streams_of(tokens)
    length = math.ceil(scored / streams)
    state: State | None = None
    if streams > 1:
        state = tuple(part[:, rows] for part in _warm_state(network, tokens, streams, length, device))
    for start in range(0, length, CHUNK):
        indices = np.arange(streams)[rows, None] * length + np.arange(start, min(start + CHUNK, length))
        inside = indices < scored
        safe = np.minimum(indices, scored - 1)
        inputs = torch.from_numpy(tokens[safe].astype(np.int64)).to(device)
        targets = torch.from_numpy(tokens[safe + 1].astype(np.int64)).to(device)
        losses, y, state = network.losses_and_outputs(inputs, targets, state=state)
        yield indices, inside, losses, y


def _warm_state(network: NextToken, tokens: Tokens, streams: int, length: int, device: torch.device) -> State:
    """The state of each stream before its first scored token; the first stream begins at the beginning."""
    indices = np.arange(streams)[:, None] * length + np.arange(-WARM_UP, 0)
    inputs = torch.from_numpy(tokens[np.maximum(indices, 0)].astype(np.int64)).to(device)
    _, state = network.hidden(inputs)
    start = network.stack.initial_state(1)
    return tuple(torch.cat([s, w[:, 1:]], 1) for s, w in zip(start, state, strict=True))


def evaluate_part(network: NextToken, tokens: Tokens, level: str) -> dict[str, float]:
    """The loss in nats per token, and what it means."""
    loss = nats_per_token(network, tokens)
    return {"loss": loss} | named_loss(loss, level)
