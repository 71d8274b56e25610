"""A sentence on its way through a tagger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.data.tagged import spans
from recurra.data.tagged.sentences import Sentence
from recurra.errors import UsageError
from recurra.tasks.forward_pass import ForwardPass, only
from recurra.tasks.tag.data import encode_part
from recurra.tasks.tag.model import TagModel
from recurra.tasks.tag.trainee import collate, on_device, probabilities
from recurra.topologies.ensembles import Ensemble


def forward_pass(model: TagModel, given: Any, **options: Any) -> ForwardPass:
    """probabilities: of each tag at each token, given the whole sentence. Errors: UsageError"""
    if isinstance(model.network, Ensemble):
        raise model.cannot("show one pass, being several networks")
    tokens = model.tokens(only(model, given, options))
    if not tokens:
        raise UsageError("the text is empty")
    sentence = Sentence(tuple(tokens), (spans.OUTSIDE,) * len(tokens), Path(), (1,) * len(tokens))
    part = encode_part([sentence], model.lexicon, [])

    def run() -> object:
        batch = on_device(collate(part, [0]), next(model.network.parameters()).device)
        return model.network(batch.forms, batch.lengths)

    return ForwardPass(run, {"stack": tokens}, model.tags, tokens, lambda: probabilities(model.network, part)[0][1])
