"""What a tagger has to beat, on the same split."""

from __future__ import annotations

import time

from recurra.baselines.frequent_tag import FrequentTag
from recurra.tasks.rival import Rival
from recurra.tasks.tag.data import TagData, TagPart
from recurra.tasks.tag.trainee import scores


def tag_rivals(data: TagData, judged: TagPart) -> list[Rival]:
    """The most frequent tag of each word; unknown words get the commonest tag of all, or that of their ending."""
    train = data.parts["train"].sentences
    found = []
    for suffixes, name in ((False, "each word's commonest tag"), (True, "the same, unknown words by their ending")):
        begun = time.perf_counter()
        model = FrequentTag.fit((s.tokens for s in train), (s.tags for s in train), suffixes=suffixes)
        seconds = time.perf_counter() - begun
        guessed = [model.tag(sentence.tokens) for sentence in judged.sentences]
        found.append(Rival(name, scores(judged, guessed, data.scheme), model.size_bytes(), seconds))
    return found
