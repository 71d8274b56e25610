"""What is done to a translator of few pairs after its training: it is settled what is left to its dictionary."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recurra.tasks.cutting import some
from recurra.tasks.decoding.bleu import scores
from recurra.tasks.translate.encoding import PairPart
from recurra.tasks.translate.model import Translator
from recurra.topologies.encoder_decoder import NEVER
from recurra.topologies.search import Search

PENALTIES = (1.4, 2.0, 2.8, 4.0)
"""Length penalties that are tried: of few pairs a network learns to stop too soon."""
SHARES = 20
"""Into so many equal parts sentences are divided by how sure the network is of their translations."""
GAIN = 0.5
"""Sum of BLEU and chrF that the dictionary must add to be asked at all."""
FIRST, MOST = 50, 500
"""Sentences of the validation part that are translated, of whose time more depend, and at most."""


def conclude(
    model: Translator, part: PairPart, *, lowercase: bool, seconds: float | None = None
) -> tuple[dict[str, float], list[str]]:
    """Length penalty and doubt, as the validation part likes them best by the sum of BLEU and chrF, none of the two
    below the dictionary's.

    part: the validation part; seconds: that this may take, None for as long as it takes; see tasks.abilities.Concluding
    """
    network, glossary, begun = model.network, model.glossary, time.monotonic()
    if glossary is None:
        return {}, []
    with torch.no_grad():
        network.get_buffer("doubt").fill_(NEVER)
    part = some(part, MOST)
    if seconds is not None and len(part) > FIRST:
        model.hypotheses(some(part, FIRST), Search())
        part = some(part, max(FIRST, int(FIRST * seconds / (time.monotonic() - begun) / 2)))
    found = model.hypotheses(part, Search(n_best=Search().beam))
    drafts = list(map(glossary.of, part.sources))

    def scored(texts: Sequence[str]) -> tuple[float, float]:
        all_ = scores(texts, part.targets, lowercase=lowercase, cut_by=model.bleu)
        return all_["bleu"], all_["chrf"]

    tried = []
    for penalty in PENALTIES:
        search = replace(Search(), length_penalty=penalty)
        best = [max(each, key=lambda h: search.score(h.log_probability, len(h.tokens) + 1)) for each in found]
        texts = [
            model.spelled(h, model.read_of(text, len(row)))
            for h, text, row in zip(best, part.sources, part.encoded_sources, strict=True)
        ]
        tried.append((scored(texts), texts, np.array([h.surety for h in best]), penalty))
    own, texts, surety, penalty = max(tried, key=lambda each: sum(each[0]))
    alone, both, doubt, share = scored(drafts), own, NEVER, 0.0
    least = -np.inf if _below(own, alone) else sum(own) + GAIN
    for edge, part_of in _edges(surety):
        mixed = scored(
            [draft if sure < edge else text for text, draft, sure in zip(texts, drafts, surety, strict=True)]
        )
        if not _below(mixed, alone) and sum(mixed) > least:
            both, doubt, share, least = mixed, edge, part_of, sum(mixed)
    with torch.no_grad():
        network.get_buffer("doubt").fill_(doubt)
        network.get_buffer("penalty").fill_(penalty)
    summary = "BLEU and chrF {:.1f} and {:.1f} of the network, {:.1f} and {:.1f} of the dictionary"
    summary = f"validation {summary.format(*own, *alone)}; length penalty {penalty:g}"
    note = f"no sentence is left to the dictionary, for which the validation part does not ask: {summary}"
    if share == 1:
        note = f"every sentence is left to the dictionary, as the validation part asks for: {summary}"
    elif share:
        note = (
            f"sentences whose best translation has less than {doubt:.2f} nats a token are left to the dictionary, "
            f"{share:.0%} of the validation part: {summary}; {both[0]:.1f} and {both[1]:.1f} of both"
        )
    return {"doubt": doubt, "length_penalty": penalty}, [note]


def _below(found: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether BLEU or chrF is lower."""
    return found[0] < other[0] or found[1] < other[1]


def _edges(surety: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    """Where sentences may be divided, and the share below; the last is above all of them."""
    ordered, found = np.sort(surety), []
    for number in range(1, SHARES):
        place = round(number * len(ordered) / SHARES)
        if 0 < place < len(ordered):
            found.append((float(ordered[place - 1 : place + 1].mean()), place / len(ordered)))
    return [*found, (1.0, 1.0)]


def before_conclusion(weights: Mapping[str, Tensor], concluded: Mapping[str, float]) -> dict[str, Tensor]:
    """Stored weights as they were before."""
    if "doubt" not in concluded:
        return dict(weights)
    started = {"doubt": NEVER, "penalty": Search().length_penalty}
    return {**weights, **{name: torch.full_like(weights[name], value) for name, value in started.items()}}
