"""A text on its way through a language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.request import State
from recurra.tasks.forward_pass import Floats, ForwardPass, only, softmax
from recurra.tasks.language.model import LanguageModel


def forward_pass(model: LanguageModel, given: Any, **options: Any) -> ForwardPass:
    """probabilities: of what comes after each token. An empty text is the beginning of a line. Errors: UsageError"""
    text = only(model, given, options)
    encoded = model.vocabulary.encode(text)
    ids = [int(token) for token in (encoded if len(encoded) else model.start())]
    names = model.names
    return _from(model, ids, [names[token] for token in ids], None)


def _from(model: LanguageModel, ids: list[int], tokens: Sequence[str], state: State | None) -> ForwardPass:
    """The tokens, read from a state on."""
    inputs = torch.tensor([ids], device=model.network.head.weight.device)

    def probabilities() -> Floats:
        logits = model.network(inputs, state=state)[0].float()
        if not model.spells_unknown:
            logits[..., Vocabulary.UNKNOWN] = float("-inf")
        return softmax(logits)

    def part(start: int, stop: int, before: State | None) -> ForwardPass:
        return _from(model, ids[start:stop], tokens[start:stop], before)

    return ForwardPass(
        lambda: model.network.hidden(inputs, state=state),
        {"stack": tokens},
        model.names,
        tokens,
        probabilities,
        part=part,
    )
