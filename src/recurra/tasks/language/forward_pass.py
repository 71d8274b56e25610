"""A text on its way through a language model."""

from __future__ import annotations

from typing import Any

import torch

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.forward_pass import Floats, ForwardPass, only, softmax
from recurra.tasks.language.model import LanguageModel


def forward_pass(model: LanguageModel, given: Any, **options: Any) -> ForwardPass:
    """probabilities: of what comes after each token. An empty text is the beginning of a line. Errors: UsageError"""
    text = only(model, given, options)
    encoded = model.vocabulary.encode(text)
    ids = [int(token) for token in (encoded if len(encoded) else model.start())]
    tokens = [model.token(token) for token in ids]
    inputs = torch.tensor([ids], device=model.network.head.weight.device)

    def probabilities() -> Floats:
        logits = model.network(inputs)[0].float()
        if not model.spells_unknown:
            logits[..., Vocabulary.UNKNOWN] = float("-inf")
        return softmax(logits)

    classes = [model.token(token) for token in range(len(model.vocabulary))]
    return ForwardPass(lambda: model.network.hidden(inputs), {"stack": tokens}, classes, tokens, probabilities)
