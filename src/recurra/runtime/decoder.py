"""What writes a sequence after something was read: layers, perhaps attention, one output per token.

See topologies.decoder and topologies.attention, whose equations these are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.runtime.copying import Copying, follow
from recurra.runtime.layers import Layers, State
from recurra.runtime.predictions import Floats, softmax
from recurra.runtime.weights import Ints, Weights, one_of, setting

SCORES = ("dot", "general", "additive")


@dataclass(frozen=True)
class Memory:
    """What was read, ready to be looked at.

    Shapes: keys [N, S, K], values [N, S, M], past bool [N, S], copied int64 [N, S]: what may be copied there, -1 for
            nothing; None if nothing ever is
    """

    keys: Floats
    values: Floats
    past: npt.NDArray[np.bool_]
    copied: Ints | None = None


@dataclass(frozen=True)
class Reading:
    """Where each row's decoder stands, see topologies.decoder.Reading. Shapes: state each [L, N, H]; feed [N, F]; given
    [N, C], None for none; positions [N], None without a draft
    """

    memory: Memory | None
    state: State
    feed: Floats | None
    given: Floats | None = None
    positions: Ints | None = None

    def rows(self, index: Ints) -> Reading:
        """Chosen rows, as often as they are named. Shapes: index [N]"""
        memory = self.memory
        if memory is not None:
            copied = None if memory.copied is None else memory.copied[index]
            memory = Memory(memory.keys[index], memory.values[index], memory.past[index], copied)
        feed, given = (None if each is None else each[index] for each in (self.feed, self.given))
        positions = None if self.positions is None else self.positions[index]
        return Reading(memory, tuple(s[:, index] for s in self.state), feed, given, positions)


class Attention:
    """Weights over the positions of a memory. width: of a query; seen: of a position"""

    def __init__(self, weights: Weights, score: str, width: int, seen: int) -> None:
        self._score = score
        if score == "dot" and width != seen:
            raise TypeError(f"attention dot of widths {width} and {seen}")
        if score != "dot":
            self._of_memory = weights.floats("attention.of_memory.weight", width, seen)
        if score == "additive":
            self._of_query = weights.linear("attention.of_query", width, width)
            self._weight = weights.floats("attention.weight", width)

    def remember(self, values: Floats, lengths: Ints, copied: Ints | None = None) -> Memory:
        """Shapes: values [N, S, M], lengths [N], copied [N, S]"""
        past = np.arange(values.shape[1]) >= lengths[:, None]
        return Memory(values if self._score == "dot" else values @ self._of_memory.T, values, past, copied)

    def look(self, query: Floats, memory: Memory) -> tuple[Floats, Floats]:
        """Shapes: query [N, Q] -> contexts [N, M], weights [N, S], 0 after each row's end"""
        if self._score == "additive":
            weight, bias = self._of_query
            scores = np.tanh((query @ weight.T + bias)[:, None] + memory.keys) @ self._weight
        else:
            scores = (memory.keys @ query[:, :, None])[:, :, 0]
        weights = softmax(np.where(memory.past, np.float32(-np.inf), scores))
        return (weights[:, None] @ memory.values)[:, 0], weights


class Decoder:
    """The half of a network that writes. begin: the token before the first, one more than those that are written

    seen: width of what is looked at; score: how, None for no attention; given: width of Reading.given; copies: whether
    a draft was read, see topologies.copying
    """

    def __init__(
        self,
        weights: Weights,
        network: Mapping[str, Any],
        begin: int,
        threads: int,
        *,
        seen: int,
        score: str | None,
        given: int = 0,
        copies: bool = False,
    ) -> None:
        hidden, width, count = (setting(network, n, int) for n in ("hidden_size", "embedding_size", "num_layers"))
        tied, self._feeds = setting(network, "tie_weights", bool), setting(network, "input_feeding", bool)
        self.begin, self.features = begin, width if tied else hidden
        table = weights.floats("target.weight", begin + 1, width)
        self._table = table * np.float32(width**0.5) if tied else table
        fed = width + (self.features if self._feeds else 0) + given
        one_way = {**network, "bidirectional": False}
        self.attention, self._upper = None, None
        if score is None:
            self._lower = Layers(weights, one_way, fed, threads, "lower")
        else:
            self.attention = Attention(weights, one_of({"attention": score}, "attention", SCORES), hidden, seen)
            self._lower = Layers(weights, one_way | {"num_layers": 1}, fed, threads, "lower")
            if count > 1:
                above = one_way | {"num_layers": count - 1}
                self._upper = Layers(weights, above, hidden + seen, threads, "upper")
        read = self._lower.output_size + (seen if score is not None else 0) + given
        self._combine = weights.linear("combine", read, self.features)
        self._bias = weights.floats("bias", begin)
        self._weight = table[:begin] if tied else weights.floats("weight", begin, self.features)
        self._copying = Copying(weights, self.features, seen) if copies else None

    def starts(self, count: int) -> State:
        """The states that so many rows begin from, if nothing else makes them. Shapes: -> each [L, N, H]"""
        layers = [each.initial(count) for each in (self._lower, self._upper) if each is not None]
        return tuple(np.concatenate(parts) for parts in zip(*layers, strict=True))

    def no_feed(self, count: int) -> Floats | None:
        """What is fed into the first step."""
        return np.zeros((count, self.features), np.float32) if self._feeds else None

    def over(self, x: Floats, reading: Reading) -> tuple[Floats, Floats | None, Reading]:
        """One step. Shapes: x [N, E] -> features [N, F], weights [N, S] or None, the new standing"""
        parts = [x, *(each for each in (reading.feed, reading.given) if each is not None)]
        low = len(self._lower.layers)
        y3, lower = self._lower.run(np.concatenate(parts, -1)[:, None], tuple(s[:low] for s in reading.state))
        y, state, weights = y3[:, 0], lower, None
        if self.attention is not None and reading.memory is not None:
            context, weights = self.attention.look(y, reading.memory)
            y = np.concatenate([y, context], -1)
            if self._upper is not None:
                y3, upper = self._upper.run(y[:, None], tuple(s[low:] for s in reading.state))
                state = tuple(np.concatenate(both) for both in zip(lower, upper, strict=True))
                y = np.concatenate([y3[:, 0], context], -1)
        seen = [y] if reading.given is None else [y, reading.given]
        features: Floats = np.tanh(np.concatenate(seen, -1) @ self._combine[0].T + self._combine[1])
        feed = None if reading.feed is None else features
        return features, weights, Reading(reading.memory, state, feed, reading.given)

    def step(self, tokens: Sequence[int], reading: Reading) -> tuple[Floats, Floats | None, Reading]:
        """Shapes: N tokens -> logits [N, V], weights [N, S] or None, the new standing"""
        before = reading.positions
        features, weights, reading = self.over(self._table[list(tokens)], reading)
        logits = features @ self._weight.T + self._bias
        memory = reading.memory
        if self._copying is not None and memory is not None and memory.copied is not None and before is not None:
            positions = follow(memory.copied, np.array(tokens, np.int64), before)
            logits = self._copying.mixed(logits, features, memory.values, memory.copied, positions)
            reading = replace(reading, positions=positions)
        return logits, weights, reading
