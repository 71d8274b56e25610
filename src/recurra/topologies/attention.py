"""Attention: where a decoder looks in what an encoder has read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from recurra.errors import UsageError
from recurra.topologies.additive import additive_scores

Score = Literal["dot", "general", "additive"]


@dataclass(frozen=True)
class Memory:
    """What an encoder has read, ready to be looked at.

    Shapes: keys [B, S, K], values [B, S, M], past bool [B, S]: True after a row's end; copied int64 [B, S]: the token
            that may be copied there, -1 for none, or None if nothing ever is
    """

    keys: Tensor
    values: Tensor
    past: Tensor
    copied: Tensor | None = None

    def rows(self, index: Tensor) -> Memory:
        """Chosen rows. Shapes: index int64 [N]"""
        copied = None if self.copied is None else self.copied[index]
        return Memory(self.keys[index], self.values[index], self.past[index], copied)


class Attention(nn.Module):
    """Weights over the positions of a memory, and their weighted sum of it.

    Maths:  dot q'm;  general q'Wm;  additive v'tanh(Uq + Wm), m a position of the memory and q a query
    engine: as a layer's; another than auto and native has torch's operations make additive scores, as they are written
    Shapes: queries [B, T, Q], memory [B, S, M] -> contexts [B, T, M], weights [B, T, S], each row's sum 1
    Errors: UsageError for dot where Q is not M
    Source: Luong et al. 2015, Effective approaches to attention-based neural machine translation (dot, general);
            Bahdanau et al. 2015, Neural machine translation by jointly learning to align and translate (additive)
    """

    def __init__(self, score: Score, query_size: int, memory_size: int, engine: str = "auto") -> None:
        super().__init__()
        self.score, self.engine = score, engine
        if score == "dot" and query_size != memory_size:
            raise UsageError(
                f"attention dot compares vectors of one width, got {query_size} of the decoder and {memory_size} of "
                "the encoder; use general, or merge sum"
            )
        if score != "dot":
            self.of_memory = nn.Linear(memory_size, query_size, bias=False)
        if score == "additive":
            self.of_query = nn.Linear(query_size, query_size)
            self.weight = nn.Parameter(nn.init.uniform_(torch.empty(query_size), -(query_size**-0.5), query_size**-0.5))

    def remember(self, values: Tensor, lengths: Tensor) -> Memory:
        """The memory of an encoder's outputs; what does not depend on the query is computed here, once.

        Shapes: values [B, S, M], lengths int64 [B]
        """
        past = torch.arange(values.shape[1], device=values.device) >= lengths.to(values.device).unsqueeze(1)
        return Memory(values if self.score == "dot" else self.of_memory(values), values, past)

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Shapes: queries [B, T, Q] -> contexts [B, T, M], weights [B, T, S], 0 after each row's end"""
        if self.score == "additive":
            queries = self.of_query(queries)
            scores = additive_scores(queries, memory.keys, self.weight, memory.past, engine=self.engine)
        else:
            scores = queries @ memory.keys.transpose(1, 2)
            scores = scores.masked_fill(memory.past.unsqueeze(1), float("-inf"))
        weights = scores.softmax(-1)
        return weights @ memory.values, weights
