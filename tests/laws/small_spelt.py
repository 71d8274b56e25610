"""A small classifier of words and characters, and random texts for it."""

from __future__ import annotations

from typing import Any

import torch

from recurra.topologies.many_to_one import SPELT, SequenceClassifier, Spelt
from recurra.topologies.settings import ClassifierSettings

LETTERS, TOKENS = torch.tensor([97, 98, 99, 120]) + SPELT, 70


def classifier(tokens: int, classes: int, **given: Any) -> SequenceClassifier:
    return SequenceClassifier(tokens, classes, ClassifierSettings(**given), characters=LETTERS)


def texts(batch: int, time: int) -> Spelt:
    """Some of the characters are not known."""
    ends = torch.arange(batch) % 5 + 1
    ends[0] = 5
    return Spelt(torch.randint(TOKENS, (batch, time)), torch.randint(96, 102, (batch, 5)) + SPELT, ends)
