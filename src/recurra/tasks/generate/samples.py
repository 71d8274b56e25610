"""What generated texts are worth: how new, how different, how recognisable, and of tunes how well formed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from recurra.baselines.naive_bayes import CharNaiveBayes
from recurra.data.abc.bars import complete
from recurra.tasks.generate.baselines import ClassGrams
from recurra.tasks.generate.data import GenerateData, Ids
from recurra.tasks.generate.trainee import draw
from recurra.topologies.one_to_many import ConditionedDecoder

USUAL, FIXED = 0.05, 0.8
"""Share of a condition's training texts that have a usual form; share of all with one where forms are fixed."""
_CLAUSE = re.compile(r"\w+")
Recogniser = Callable[[Sequence[str]], Ids]
"""Texts to the indices of their conditions, int64 [N]."""


@dataclass(frozen=True)
class Drawn:
    """Texts and the conditions, by their indices, that they were written for."""

    texts: list[str]
    labels: Ids


def in_proportion(data: GenerateData, count: int) -> Ids:
    """Labels [N] as frequent as they are in the training part, to within one."""
    return _spread(np.bincount(data.parts["train"].labels, minlength=len(data.conditions)), count)


def evenly(data: GenerateData, count: int) -> Ids:
    """Labels [N], each as often as any other, to within one."""
    return _spread(np.ones(len(data.conditions), dtype=np.int64), count)


def _spread(weights: Ids, count: int) -> Ids:
    indices = (np.arange(count) + 0.5) * (weights.sum() / count)
    labels: Ids = np.searchsorted(weights.cumsum(), indices, side="right").astype(np.int64)
    return labels


def from_network(
    network: ConditionedDecoder,
    data: GenerateData,
    labels: Ids,
    *,
    temperature: float = 1.0,
    seed: int = 0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Drawn:
    """A text of the network for each label."""
    tokens = draw(
        network,
        torch.from_numpy(data.conditions[labels]),
        begin=data.end + 1,
        length=data.longest,
        temperature=temperature,
        seed=seed,
        top_k=top_k,
        top_p=top_p,
    )
    return Drawn([_text(data, row) for row in tokens], labels)


def from_grams(grams: ClassGrams, data: GenerateData, labels: Ids, *, temperature: float = 1.0, seed: int = 0) -> Drawn:
    """A text of the condition's own n-grams for each label."""
    texts, order = [], []
    for label in np.unique(labels).tolist():
        own = grams.own.get(label, grams.all)
        (rows,) = np.nonzero(labels == label)
        drawn = own.draw(len(rows), length=data.longest, temperature=temperature, seed=seed * 1000 + label)
        texts += [_text(data, row) for row in drawn]
        order += rows.tolist()
    return Drawn([texts[i] for i in np.argsort(order)], labels)


def held_out(data: GenerateData, name: str) -> Drawn:
    """The real texts of a part."""
    return Drawn(data.parts[name].texts, data.parts[name].labels)


def naive_bayes(data: GenerateData) -> Recogniser:
    """Naive Bayes over character n-grams, trained on the training part, smoothed as validation likes it best."""
    train, validation = data.parts["train"], data.parts["validation"]
    known = sorted(set(train.labels.tolist()))
    indices = {label: place for place, label in enumerate(known)}
    known_rows = [i for i, label in enumerate(validation.labels.tolist()) if label in indices]
    bayes = CharNaiveBayes.fit(
        train.texts,
        np.array([indices[label] for label in train.labels.tolist()]),
        [str(label) for label in known],
        validation=(
            [validation.texts[i] for i in known_rows],
            np.array([indices[validation.labels[i]] for i in known_rows]),
        ),
    )
    return lambda texts: np.array(known, dtype=np.int64)[bayes.predict(texts)]


def quality(drawn: Drawn, data: GenerateData, recognise: Recogniser | None = None) -> dict[str, float]:
    """Shares of the drawn texts, by name.

    recognised: taken for the condition they were written for; new: not a text of the training part; distinct:
    different texts, of all; characters: mean length; own_form: of verse in fixed forms, with a form that is usual for
    their condition; for tunes complete_bars: all bars complete, own_metre: with the
    metre that is most frequent among the training tunes of their condition
    """
    train = set(data.parts["train"].texts)
    count = max(1, len(drawn.texts))
    found = {}
    if recognise is not None and drawn.texts:
        found["recognised"] = float((recognise(drawn.texts) == drawn.labels).mean())
    found["new"] = sum(text not in train for text in drawn.texts) / count
    found["distinct"] = len(set(drawn.texts)) / count
    if data.tunes:
        found["complete_bars"] = sum(map(complete, drawn.texts)) / count
        usual = usual_metres(data)
        own = (metre_of(text) == usual[label] for text, label in zip(drawn.texts, drawn.labels.tolist(), strict=True))
        found["own_metre"] = sum(own) / count
    elif (usual_forms := fixed_forms(data)) is not None:
        own = (
            form_of(text) in usual_forms[label] for text, label in zip(drawn.texts, drawn.labels.tolist(), strict=True)
        )
        found["own_form"] = sum(own) / count
    found["characters"] = sum(map(len, drawn.texts)) / count
    return found


def form_of(text: str) -> tuple[int, ...]:
    """Characters of each clause, that is, between signs or spaces: (5, 5, 5, 5) of a quatrain of five syllables."""
    return tuple(map(len, _CLAUSE.findall(text)))


def fixed_forms(data: GenerateData) -> dict[int, set[tuple[int, ...]]] | None:
    """The usual forms of each condition's training texts, two clauses at least; None where few texts keep to any."""
    train = data.parts["train"]
    forms = [form_of(text) for text in train.texts]
    found, kept = {}, 0
    for label in range(len(data.conditions)):
        counts = Counter(forms[i] for i in np.flatnonzero(train.labels == label).tolist())
        found[label] = {form for form, n in counts.items() if len(form) > 1 and n >= USUAL * counts.total()}
        kept += sum(counts[form] for form in found[label])
    return found if kept >= FIXED * len(forms) else None


def usual_metres(data: GenerateData) -> dict[int, str]:
    """The most frequent metre of each condition's training tunes."""
    train = data.parts["train"]
    found = {}
    for label in np.unique(train.labels).tolist():
        metres = [metre_of(train.texts[i]) for i in np.flatnonzero(train.labels == label)]
        found[label] = max(sorted(set(metres)), key=metres.count)
    return found


def metre_of(tune: str) -> str:
    """The field M: of a tune's text, empty without one; C and C| as 4/4 and 2/2."""
    found = re.search(r"^M:(.*)$", tune, re.MULTILINE)
    value = found[1].strip() if found else ""
    return {"C": "4/4", "C|": "2/2"}.get(value, value)


def _text(data: GenerateData, tokens: Sequence[int]) -> str:
    ended = bool(tokens) and tokens[-1] == data.end
    return data.vocabulary.decode(tokens[:-1] if ended else tokens)
