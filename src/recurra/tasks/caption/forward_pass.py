"""A picture on its way through a captioner, with the caption that it writes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recurra.data.pictures.showing import png, smaller
from recurra.tasks.answer import Answer, Attention
from recurra.tasks.caption.model import SHOWN, CaptionModel, search_of
from recurra.tasks.decoding.searching import search_for
from recurra.tasks.decoding.spelling import shown
from recurra.tasks.forward_pass import BEGIN, END, ForwardPass, only, softmax, written
from recurra.topologies.decoder import Reading

PICTURE = "<picture>"


def forward_pass(model: CaptionModel, given: Any, **options: Any) -> ForwardPass:
    """The decoder reads its own best caption, from the begin on; where the picture is an input, it comes first.

    probabilities: of what is written next, after each token of the caption. options: of topologies.search.Search
    Errors: UsageError
    """
    network, looked = model.network, only(model, given, {})
    search = search_for(1, options, "a caption", search_of(model.vocabulary.level))
    best = model.search([looked.seen], search)[0][0]
    pictures = torch.from_numpy(looked.seen)[None].to(network.bias.device)

    def read() -> Reading:
        return network.read(pictures)

    wrote = [BEGIN, *(shown(model.vocabulary.tokens[token]) for token in best.tokens)]
    first = [PICTURE] if network.settings.condition == "input" else []
    classes = [*map(shown, model.vocabulary.tokens), END]

    def answer() -> Answer:
        attention = None
        if best.weights is not None:
            weights = np.asarray(best.weights.numpy(), np.float32)
            squares = [f"{PICTURE} {square + 1}" for square in range(weights.shape[1])]
            pixels = None if looked.pixels is None else png(smaller(looked.pixels, SHOWN))
            attention = Attention(squares, [*wrote[1:], END], weights, pixels)
        return Answer(texts=[model.text(best)], attention=attention)

    return ForwardPass(
        lambda: written(network, read, best),
        {"lower": [*first, *wrote], "upper": wrote},
        classes,
        wrote,
        lambda: softmax(written(network, read, best)),
        answer=answer,
    )
