"""Baselines of a classifier, on the same split."""

from __future__ import annotations

import time
from dataclasses import replace

from recurra.baselines.bag_of_words import BagOfWords
from recurra.baselines.majority import Majority
from recurra.baselines.naive_bayes import CharNaiveBayes
from recurra.baselines.sample import affordable
from recurra.report.record import Baseline
from recurra.tasks.classify.data import ClassifyData, Part
from recurra.tasks.classify.linear import ORDERS, Texts, features_of
from recurra.tasks.classify.trainee import scores
from recurra.training.history import Clock

PROBE = 2000
"""Texts on which it is measured how long the baselines take."""


def baselines_within(
    data: ClassifyData, held_out: Part, seconds: float, *, clock: Clock = time.perf_counter
) -> tuple[list[Baseline], list[str]]:
    """As `classify_baselines`, of as many texts as can be learned from in so many seconds, drawn by a fixed seed; and
    what to say of it."""
    begun, whole = clock(), len(data.parts["train"])
    count = min(PROBE, whole)
    found = _fitted(data, held_out, count)
    if (more := min(affordable(count, clock() - begun, seconds), whole)) > count:
        count, found = more, _fitted(data, held_out, more)
    if count == whole:
        return found, []
    unit, scored = f"{count:,} of {whole:,}", len(held_out.some(count))
    return [replace(each, name=f"{each.name}, {unit} texts") for each in found], [
        f"the baselines were fitted on {unit} texts of the training part"
        + (f" and scored on {scored:,} of {len(held_out):,}" if scored < len(held_out) else "")
        + ", for the minutes allow no more; --baselines full fits all"
    ]


def _fitted(data: ClassifyData, held_out: Part, count: int) -> list[Baseline]:
    """Of so many texts, scored on as many; of all with the data itself, which keeps what it has learned already."""
    if count < len(data.parts["train"]):
        data = replace(data, parts={name: part.some(count) for name, part in data.parts.items()})
        held_out = held_out.some(count)
    return classify_baselines(data, held_out)


def classify_baselines(data: ClassifyData, held_out: Part) -> list[Baseline]:
    """What needs no network: the most frequent class, a bag of the model's own tokens, their n-grams weighted by how
    rare they are, and n-grams of characters.

    The bag knows nothing of order; n-grams see two words or a few characters of it. All are set as validation likes it
    best.
    """
    train, validation = data.parts["train"], data.parts["validation"]
    begun = time.perf_counter()
    majority = Majority.fit(train.labels, data.classes)
    found = [
        Baseline(
            f"always {data.classes[majority.label]}",
            scores(held_out, majority.predict(held_out.texts)),
            None,
            time.perf_counter() - begun,
        )
    ]
    begun = time.perf_counter()
    bag = BagOfWords.fit(
        train.encoded,
        train.labels,
        len(data.classes),
        len(data.vocabulary),
        validation=(validation.encoded, validation.labels),
    )
    seconds = time.perf_counter() - begun
    pieces = {"word": "words", "char": "characters"}.get(data.vocabulary.level, "tokens")
    found.append(
        Baseline(
            f"logistic, bag of {pieces}",
            scores(held_out, bag.predict(held_out.encoded)),
            bag.size_bytes(),
            seconds,
        )
    )
    begun = time.perf_counter()
    linear, longest = data.linear, max(ORDERS[data.vocabulary.level])
    seconds = time.perf_counter() - begun
    answers = linear.log_probabilities(features_of(Texts(held_out.encoded), data.vocabulary.level)).argmax(-1).numpy()
    name = f"logistic, TF-IDF of 1- to {longest}-grams"
    found.append(Baseline(name, scores(held_out, answers), linear.size_bytes(), seconds))
    begun = time.perf_counter()
    bayes = CharNaiveBayes.fit(
        train.texts, train.labels, data.classes, validation=(validation.texts, validation.labels)
    )
    seconds = time.perf_counter() - begun
    name = "naive Bayes, 1- to 3-grams"
    return [*found, Baseline(name, scores(held_out, bayes.predict(held_out.texts)), None, seconds)]
