"""Baselines of a tagger, on the same split."""

from __future__ import annotations

import time

from recurra.baselines.frequent_tag import FrequentTag
from recurra.report.record import Baseline
from recurra.tasks.tag.data import TagData, TagPart
from recurra.tasks.tag.linear import fit_tags, tagged
from recurra.tasks.tag.trainee import scores


def tag_baselines(data: TagData, held_out: TagPart) -> list[Baseline]:
    """The most frequent tag of each word; unknown words get the commonest tag of all, or that of their ending.

    Beside them a linear model that looks at two tokens on either side, and at how the token begins and ends.
    """
    train = data.parts["train"].sentences
    found = []
    for suffixes, name in ((False, "each word's commonest tag"), (True, "the same, unknown words by their ending")):
        begun = time.perf_counter()
        model = FrequentTag.fit((s.tokens for s in train), (s.tags for s in train), suffixes=suffixes)
        seconds = time.perf_counter() - begun
        guessed = [model.tag(sentence.tokens) for sentence in held_out.sentences]
        found.append(Baseline(name, scores(held_out, guessed, data.scheme), model.size_bytes(), seconds))
    begun = time.perf_counter()
    linear = fit_tags(data)
    seconds = time.perf_counter() - begun
    guessed = tagged(linear, held_out, data.tags, data.scheme)
    name = "logistic, token, affixes and neighbours"
    return [*found, Baseline(name, scores(held_out, guessed, data.scheme), linear.size_bytes(), seconds)]
