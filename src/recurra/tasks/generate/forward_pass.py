"""A text of a condition on its way through a conditioned generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.tasks.decoding.spelling import pieces
from recurra.tasks.forward_pass import BEGIN, END, ForwardPass, softmax
from recurra.tasks.generate.trainee import Generator
from recurra.tasks.given import texts
from recurra.tasks.model import refuse_options
from recurra.topologies.one_to_many import Conditioned


def forward_pass(model: Generator, given: Any, *, condition: str | None = None, **options: Any) -> ForwardPass:
    """probabilities: of what is written next, after each token of the text, which may be empty.

    condition: as in generating; of those that agree with it the most frequent. Errors: UsageError
    """
    refuse_options(model, options)
    found = texts(given)
    if len(found) != 1:
        raise UsageError(f"one text is looked at at a time, got {len(found)}")
    vocabulary = model.vocabulary
    indices, _ = max(model.attributes.matching(condition), key=lambda each: each[1])
    ids = [len(vocabulary) + 1, *(int(token) for token in vocabulary.encode(found[0]))]
    return _from(model, indices, ids, [BEGIN, *pieces(vocabulary, found[0])], None)


def _from(
    model: Generator, indices: Sequence[int], ids: list[int], tokens: Sequence[str], state: State | None
) -> ForwardPass:
    """The tokens, read from a state on."""
    network = model.network
    device = network.head.weight.device
    inputs = Conditioned(torch.tensor([ids], device=device), torch.tensor([indices], device=device))

    def part(start: int, stop: int, before: State | None) -> ForwardPass:
        return _from(model, indices, ids[start:stop], tokens[start:stop], before)

    return ForwardPass(
        lambda: network.hidden(inputs, state=state),
        {"stack": tokens},
        [*model.vocabulary.tokens, END],
        tokens,
        lambda: softmax(network.logits(network.hidden(inputs, state=state)[0])),
        part=part,
    )
