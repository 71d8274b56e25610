"""A text on its way through a classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recurra.errors import UsageError
from recurra.tasks.classify.trainee import Classifier, log_probabilities
from recurra.tasks.decoding.spelling import pieces, shown
from recurra.tasks.forward_pass import Floats, ForwardPass, only


def forward_pass(model: Classifier, given: Any, **options: Any) -> ForwardPass:
    """probabilities: of each class if the text ended after each of its tokens. Errors: UsageError"""
    text = only(model, given, options).strip()
    ids = model.vocabulary.encode(text)[: model.max_length]
    if not len(ids):
        raise UsageError(f"the text is empty{' after normalisation: ' + repr(text) if text else ''}")
    tokens = [shown(piece) or piece for piece in pieces(model.vocabulary, text)[: len(ids)]]
    device = next(model.network.parameters()).device

    def run() -> object:
        return model.network(torch.from_numpy(ids)[None].to(device), torch.tensor([len(ids)]))

    def probabilities() -> Floats:
        beginnings = [ids[: count + 1] for count in range(len(ids))]
        return np.asarray(log_probabilities(model.network, beginnings).exp().numpy(), np.float32)

    return ForwardPass(run, {"stack": tokens}, model.classes, tokens, probabilities)
