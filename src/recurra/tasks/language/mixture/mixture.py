"""Probabilities of a network with those of n-grams and of a cache, the network's weights going on to learn or not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recurra.baselines.kneser_ney import KneserNey
from recurra.engines.request import State
from recurra.tasks.language.mixture.cache import Cache
from recurra.tasks.language.mixture.dynamic import Adapting, Dynamic
from recurra.tasks.language.mixture.parts import CACHE, DYNAMIC, N_GRAMS
from recurra.tasks.language.trainee import Tokens, read_in_streams
from recurra.topologies.many_to_many import NextToken

NETWORK = "network"
Floats = npt.NDArray[np.float64]
IN_MEMORY = 1 << 31
"""Bytes of outputs that are."""


@dataclass(frozen=True)
class Mixture:
    """What is mixed with a network, and in which shares.

    Maths:  p(w) = sum_k share_k p_k(w), k the network, the n-grams and the cache; while the cache is empty its share
            goes to the others
    shares: by the names of what is mixed, "network" among them, their sum 1
    """

    shares: Mapping[str, float]
    n_grams: KneserNey | None = None
    cache: Cache | None = None
    dynamic: Dynamic | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """Their names."""
        there = {N_GRAMS: self.n_grams, CACHE: self.cache, DYNAMIC: self.dynamic}
        return tuple(name for name, part in there.items() if part is not None)

    def log_probabilities(self, network: NextToken, tokens: Tokens) -> Floats:
        """Of every token but the first, each from those before it alone. Shapes: [N], N >= 2 -> [N - 1]. Units: nats"""
        read = read_text(network, tokens, self.dynamic, outputs=self.cache is not None)
        logs = {NETWORK: read.logs}
        if self.n_grams is not None:
            logs[N_GRAMS] = self.n_grams.log_prob(tokens)[1:]
        if self.cache is not None and read.outputs is not None:
            targets = torch.from_numpy(tokens[1:].astype(np.int64))
            logs[CACHE] = self.cache.log_probabilities(read.outputs, targets).numpy()
        return mixed(logs, self.shares)

    def reading(self, network: NextToken) -> Reading:
        """A text that is read token by token."""
        return Reading(self, network)

    def to_json(self) -> dict[str, Any]:
        """What was fitted, as plain values."""
        found: dict[str, Any] = {"parts": list(self.parts), "shares": dict(self.shares)}
        if self.n_grams is not None:
            found["order"] = self.n_grams.order
        if self.cache is not None:
            found["cache"] = {"theta": self.cache.theta, "size": self.cache.size}
        if self.dynamic is not None:
            found["dynamic"] = {name: getattr(self.dynamic, name) for name in ("rate", "decay", "chunk")}
        return found


@dataclass(frozen=True)
class Read:
    """A text as a network has read it. Shapes: logs float64 [N - 1] of all tokens but the first; outputs [N - 1, H]"""

    logs: Floats
    outputs: Tensor | None


def read_text(network: NextToken, tokens: Tokens, dynamic: Dynamic | None, *, outputs: bool) -> Read:
    """With the state carried: as the plain evaluation reads it, or, with weights that learn, in one stream."""
    count = len(tokens) - 1
    logs, kept = np.empty(count), None
    pieces = _in_streams(network, tokens) if dynamic is None else _learning(network, tokens, dynamic)
    for spots, losses, y in pieces:
        logs[spots] = -losses.double().cpu().numpy()
        if outputs:
            kept = _room(count, y.shape[-1]) if kept is None else kept
            kept[torch.from_numpy(spots)] = y.float().cpu()
    return Read(logs, kept)


def _room(rows: int, width: int) -> Tensor:
    """For outputs: in memory, or, of a long text, on disk until they are no longer used."""
    if 4 * rows * width <= IN_MEMORY:
        return torch.empty(rows, width)
    return torch.from_numpy(np.memmap(tempfile.TemporaryFile(), np.float32, "w+", shape=(rows, width)))


def mixed(logs: Mapping[str, Floats], shares: Mapping[str, float]) -> Floats:
    """Log-probabilities of the mixture; a cache knows nothing of the first token. Shapes: [N] each -> [N]"""
    total = np.zeros(len(logs[NETWORK]))
    for name, part in logs.items():
        share = np.full(len(total), shares[name])
        if CACHE in logs and len(share):
            share[0] = 0.0 if name == CACHE else shares[name] / max(1 - shares[CACHE], 1e-300)
        total += share * np.exp(part)
    return np.asarray(np.log(total), dtype=np.float64)


class Reading:
    """Tokens that were read, one after another, and what may follow them."""

    def __init__(self, mixture: Mixture, network: NextToken) -> None:
        self._mixture, self._state = mixture, State()
        self._adapting = None if mixture.dynamic is None else Adapting(network, mixture.dynamic)
        self._network = network if self._adapting is None else self._adapting.network
        self._tokens: list[int] = []
        self._outputs: list[Tensor] = []
        self._pending: list[int] = []
        self._before: State | None = None
        """The state before the pending tokens, of which nothing is learned yet."""

    def push(self, tokens: Sequence[int]) -> None:
        """Read on."""
        for token in tokens:
            self._read(int(token))

    @torch.no_grad()
    def _read(self, token: int) -> None:
        device = self._network.table.weight.device
        dynamic = self._mixture.dynamic
        if self._adapting is not None and dynamic is not None and len(self._pending) == dynamic.chunk:
            inputs = torch.tensor(self._pending, device=device)
            targets = torch.tensor([*self._pending[1:], token], device=device)
            _, _, self._state = self._adapting.read(inputs, targets, self._before)
            self._pending = []
        if not self._pending:
            self._before = self._state or None
        self._pending = [*self._pending, token] if dynamic is not None else []
        y, self._state = self._network.hidden(torch.tensor([[token]], device=device), state=self._state or None)
        self._tokens.append(token)
        self._outputs.append(y[0, 0])
        if self._mixture.cache is not None:
            del self._outputs[: -self._mixture.cache.size - 1]
        else:
            del self._outputs[:-1]

    @torch.no_grad()
    def next(self) -> Tensor:
        """Log-probabilities of every token to follow. Shapes: -> float64 [V]"""
        mixture, output = self._mixture, self._outputs[-1]
        own = self._network.head(output).double().softmax(-1).cpu()
        parts = {NETWORK: own}
        if mixture.n_grams is not None:
            context = self._tokens[-mixture.n_grams.order :]
            parts[N_GRAMS] = torch.from_numpy(mixture.n_grams.distribution(np.array(context)))
        if mixture.cache is not None and len(self._outputs) > 1:
            keys, values = torch.stack(self._outputs[:-1]).cpu(), self._tokens[-len(self._outputs) + 1 :]
            parts[CACHE] = mixture.cache.distribution(output.cpu(), keys, torch.tensor(values), len(own))
        whole = sum(mixture.shares[name] for name in parts)
        return torch.stack([mixture.shares[name] / whole * part for name, part in parts.items()]).sum(0).log()


Piece = tuple[npt.NDArray[np.int64], Tensor, Tensor]
"""Places of some tokens [M], their losses [M], and the outputs that they follow [M, H]."""


def _in_streams(network: NextToken, tokens: Tokens) -> Iterator[Piece]:
    with torch.inference_mode():
        for indices, inside, losses, y in read_in_streams(network, tokens):
            here = torch.from_numpy(inside).to(losses.device)
            yield indices[inside], losses[here], y[here]


def _learning(network: NextToken, tokens: Tokens, how: Dynamic) -> Iterator[Piece]:
    adapting, state = Adapting(network, how), None
    device = network.table.weight.device
    for begin in range(0, len(tokens) - 1, how.chunk):
        some = torch.from_numpy(tokens[begin : begin + how.chunk + 1].astype(np.int64)).to(device)
        losses, y, state = adapting.read(some[:-1], some[1:], state)
        yield np.arange(begin, begin + len(losses)), losses, y
