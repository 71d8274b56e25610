"""Ensembles of two small networks, with nothing in their linear skips yet."""

from __future__ import annotations

from typing import Any

from recurra.topologies.ensembles import ClassifierEnsemble, TaggerEnsemble
from recurra.topologies.many_to_one import SequenceClassifier
from recurra.topologies.settings import ClassifierSettings, TaggerSettings
from recurra.topologies.tagger import Tagger


def classifiers(tokens: int, classes: int, features: int, **given: Any) -> ClassifierEnsemble:
    settings = ClassifierSettings(**given)
    return ClassifierEnsemble(
        [SequenceClassifier(tokens, classes, settings) for _ in range(2)], classes, features=features
    )


def taggers(words: int, characters: int, tags: int, features: int, **given: Any) -> TaggerEnsemble:
    settings = TaggerSettings(**given)
    several = [Tagger(words, characters, 0, tags, settings) for _ in range(2)]
    network = TaggerEnsemble(several, tags, features=features)
    network.settle()
    return network
