"""Baselines of a classifier, on the same split."""

from __future__ import annotations

import time

from recurra.baselines.bag_of_words import BagOfWords
from recurra.baselines.majority import Majority
from recurra.baselines.naive_bayes import CharNaiveBayes
from recurra.data.tokens.orders import ORDERS
from recurra.report.record import Baseline
from recurra.tasks.classify.data import ClassifyData, Part
from recurra.tasks.classify.linear import Texts, features_of
from recurra.tasks.classify.trainee import scores

LEAST = 0.5
"""Seconds for a linear model, however few are left."""


def classify_baselines(data: ClassifyData, held_out: Part, seconds: float | None = None) -> list[Baseline]:
    """What needs no network: the most frequent class, a bag of the model's own tokens, their n-grams weighted by how
    rare they are, and n-grams of characters.

    The bag knows nothing of order; n-grams see two words or a few characters of it. All are set as validation likes it
    best. seconds: for all of them; the bag takes half at most, but for its first epoch
    """
    train, validation = data.parts["train"], data.parts["validation"]
    ends = None if seconds is None else time.perf_counter() + seconds
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
        seconds=None if seconds is None else seconds / 2,
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
    linear, longest = (
        data.linear_within(None if ends is None else max(LEAST, ends - begun)),
        max(ORDERS[data.vocabulary.level]),
    )
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
