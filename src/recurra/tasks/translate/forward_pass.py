"""A text on its way through a translator, with the translation that it writes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recurra.errors import UsageError
from recurra.tasks.answer import Answer, Attention
from recurra.tasks.decoding.searching import search_for
from recurra.tasks.decoding.spelling import shown
from recurra.tasks.forward_pass import BEGIN, END, ForwardPass, only, softmax, written
from recurra.tasks.translate.encoding import encode_side, ended
from recurra.tasks.translate.model import Translator
from recurra.topologies.decoder import Reading


def forward_pass(model: Translator, given: Any, **options: Any) -> ForwardPass:
    """The encoder reads the text, the decoder its own best translation, from the begin on.

    probabilities: of what is written next, after each token of the translation. options: of topologies.search.Search
    Errors: UsageError
    """
    text = only(model, given, {}).strip()
    if not text:
        raise UsageError("the text is empty")
    network, search = model.network, search_for(1, options, "a translation", model.search)
    own = ended(next(encode_side([text], model.source))[: model.max_length], model.source)
    row, names = model.rows_of([own], [text])[0], model.read_of(text, len(own))
    source, lengths = torch.from_numpy(row)[None].to(network.bias.device), torch.tensor([len(row)])
    best = model.answers_to(text, own, search)[0]

    def read() -> Reading:
        return network.read(source, lengths)

    wrote = [BEGIN, *(shown(model.target.tokens[token]) for token in best.tokens)]
    steps = {
        "encoder": [END if piece is None else shown(piece) for piece in names],
        "lower": wrote,
        "upper": wrote,
    }
    classes = [*map(shown, model.target.tokens), END]

    def answer() -> Answer:
        attention = None
        if best.weights is not None:
            weights = np.asarray(best.weights.numpy(), np.float32)
            attention = Attention(steps["encoder"], [*wrote[1:], END], weights)
        return Answer(texts=[model.spelled(best, names)], attention=attention)

    return ForwardPass(
        lambda: written(network, read, best),
        steps,
        classes,
        wrote,
        lambda: softmax(written(network, read, best)),
        answer=answer,
    )
