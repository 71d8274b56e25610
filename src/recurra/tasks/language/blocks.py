"""A text that is written in blocks of tokens, where nobody needs to see what lies between two of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch

from recurra.engines.request import State
from recurra.tasks.language.writing import Writing
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.token_blocks import TokenBlocks
from recurra.topologies.token_steps import TokenSteps

LONGEST = 64
SOON = 0.01
"""Seconds: so long a block may take at most, for its text is shown when it is there."""


def written(network: NextToken, prompt: Callable[[], tuple[torch.Tensor, State]], writing: Writing) -> Iterator[str]:
    """The pieces of a text as they can be shown.

    prompt: reads what stands before; Shapes: -> the scores of what follows [V], and the state there
    """
    if writing.ended:
        return
    scores, state = prompt()
    steps = TokenSteps(network, state)
    blocks, size = TokenBlocks(steps, writing.draws), 1
    token, text = writing.draw(scores)
    if text:
        yield text
    while not writing.ended:
        tokens: list[int] = []
        missing = None
        if blocks.why_not() is None:
            begun = time.perf_counter()
            waits = writing.waits(min(size, writing.left), len(scores))
            tokens, missing = blocks.write(token, waits)
            size = _next_size(size, time.perf_counter() - begun)
        yield from writing.takes(tokens)
        if tokens:
            token = tokens[-1]
        if (missing is not None or not tokens) and not writing.ended:
            token, text = writing.draw(steps.step(token).float().cpu() if missing is None else missing)
            if text:
                yield text


def _next_size(size: int, seconds: float) -> int:
    if seconds > SOON:
        return max(1, size // 2)
    return min(LONGEST, 2 * size) if seconds < SOON / 4 else size
