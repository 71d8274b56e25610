"""A text that is written before one's eyes, with what might have stood in the place of each token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from recurra.errors import UsageError
from recurra.inspector.inspected import Inspected
from recurra.tasks.abilities import Choosing, Writer, able
from recurra.topologies.sampling import filtered, generator
from recurra.topologies.sampling_bounds import check_sampling

CANDIDATES = 10
"""Of each step."""


def write(
    inspected: Inspected,
    text: str,
    options: dict[str, Any],
    *,
    length: int,
    temperature: float,
    top_k: int | None,
    seed: int | None = None,
    first: int | None = None,
) -> Iterator[dict[str, Any]]:
    """So many tokens behind a text, or fewer if it comes to its end.

    first: the token that was chosen for the first step. Errors: UsageError
    """
    check_sampling(temperature, top_k, None)
    with inspected.lock:
        model: Choosing = able(inspected.model, Choosing, "write")
        writer, random = model.writer(text, **options), generator(seed)
    return _steps(inspected, writer, random, length, temperature, top_k, first)


def _steps(
    inspected: Inspected,
    writer: Writer,
    random: torch.Generator,
    length: int,
    temperature: float,
    top_k: int | None,
    first: int | None,
) -> Iterator[dict[str, Any]]:
    for step in range(length):
        with inspected.lock:
            scores = writer.scores()
            chances = filtered(scores, temperature=temperature, top_k=top_k)
            if step == 0 and first is not None:
                if not 0 <= first < len(chances):
                    raise UsageError(f"there are {len(chances):,} tokens, from 0; got token {first:,}")
                token = first
            else:
                token = int(torch.multinomial(chances, 1, generator=random))
            best = scores.softmax(0).topk(min(CANDIDATES, len(scores)))
            made = {
                "id": token,
                "name": writer.name(token),
                "piece": writer.add(token),
                "candidates": [
                    [place, writer.name(place), float(f"{chance:.4g}")]
                    for place, chance in zip(best.indices.tolist(), best.values.tolist(), strict=True)
                    if chance > 0
                ],
            }
        yield made
        if token == writer.end:
            return
