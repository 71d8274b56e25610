"""A text on its way through a model of blanks."""

from __future__ import annotations

from typing import Any

import torch

from recurra.data.tokens.blanks import between_blanks
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UsageError
from recurra.tasks.answer import Answer
from recurra.tasks.decoding.spelling import pieces
from recurra.tasks.fill.trainee import Filler
from recurra.tasks.forward_pass import ForwardPass, only, softmax

EDGE, SHOWN = "|", "____"
"""Where a text begins and ends, and a blank, for people."""


def forward_pass(model: Filler, given: Any, **options: Any) -> ForwardPass:
    """probabilities: of what may stand in the place of each token, by all others; a blank counts as one token.

    The forward stack reads from the edge before the first token, the backward one from the edge behind the last: each
    has read all on its side of a place, and nothing of the place itself. Errors: UsageError
    """
    text = only(model, given, options)
    ids, tokens = list[int](), list[str]()
    for number, piece in enumerate(between_blanks(text.strip())):
        if number:
            ids, tokens = [*ids, Vocabulary.UNKNOWN], [*tokens, SHOWN]
        ids += [int(token) for token in model.vocabulary.encode(piece)]
        tokens += pieces(model.vocabulary, piece)
    if not ids:
        raise UsageError("the text is empty")
    inputs, lengths = torch.tensor([ids], device=model.network.bias.device), torch.tensor([len(ids)])
    steps = {"forward_stack": [EDGE, *tokens[:-1]], "backward_stack": [EDGE, *tokens[:0:-1]]}

    def answer() -> Answer:
        return Answer(texts=[found.best for found in model.predict([text])] if SHOWN in tokens else [])

    return ForwardPass(
        lambda: model.network(inputs, lengths),
        steps,
        model.vocabulary.tokens,
        tokens,
        lambda: softmax(model.network(inputs, lengths)[0]),
        answer=answer,
    )
