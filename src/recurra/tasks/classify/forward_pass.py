"""A text on its way through a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recurra.errors import UsageError
from recurra.tasks.answer import Answer
from recurra.tasks.classify.linear import letters_of
from recurra.tasks.classify.trainee import Classifier, log_probabilities
from recurra.tasks.decoding.spelling import pieces, shown
from recurra.tasks.forward_pass import Floats, ForwardPass, only, ranked
from recurra.topologies.ensembles import Ensemble
from recurra.topologies.many_to_one import SPELT, SequenceClassifier, Spelt


def forward_pass(model: Classifier, given: Any, **options: Any) -> ForwardPass:
    """probabilities: of each class if the text ended after each of its tokens. Errors: UsageError"""
    network = model.network
    if isinstance(network, Ensemble):
        raise model.cannot("show one pass, being several networks")
    assert isinstance(network, SequenceClassifier)
    text = only(model, given, options).strip()
    ids = model.vocabulary.encode(text)[: model.max_length]
    if not len(ids):
        raise UsageError(f"the text is empty{' after normalisation: ' + repr(text) if text else ''}")
    tokens = [shown(piece) or piece for piece in pieces(model.vocabulary, text)[: len(ids)]]
    words = model.vocabulary.cut(text) if model.spells else []
    letters = [letters_of(words[: count + 1]) for count in range(len(ids))] if model.spells else None
    device = next(network.parameters()).device

    def run() -> object:
        inputs: Tensor | Spelt = torch.from_numpy(ids)[None].to(device)
        if letters is not None:
            whole = torch.from_numpy(letters[-1])[None].to(device)
            inputs = Spelt(torch.from_numpy(ids)[None].to(device), whole, torch.tensor([whole.shape[1]]))
        return network(inputs, torch.tensor([len(ids)]))

    def ended(counts: Sequence[int]) -> Floats:
        spelt = None if letters is None else [letters[count - 1] for count in counts]
        found = log_probabilities(network, [ids[:count] for count in counts], spelt)
        return np.asarray(found.exp().numpy(), np.float32)

    def answer() -> Answer:
        (chances,) = ended([len(ids)])
        return Answer(ranked=ranked(model.classes, chances))

    read = {"stack": tokens}
    if letters is not None and network.reader is not None:
        read["reader.stack"] = [shown(chr(code - SPELT)) or " " for code in letters[-1].tolist()]
    return ForwardPass(
        run,
        read,
        model.classes,
        tokens,
        lambda: ended(range(1, len(ids) + 1)),
        answer=answer,
        ended=ended,
    )
