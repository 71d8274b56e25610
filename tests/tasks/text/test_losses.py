"""Losses under the names of their units."""

from __future__ import annotations

import math

import pytest

from recurra.tasks.text.losses import named_loss


def test_units_have_names() -> None:
    loss = math.log(4)
    assert named_loss(loss, "char") == pytest.approx(
        {"nats_per_character": loss, "bits_per_character": 2, "perplexity": 4}
    )
    assert named_loss(loss, "byte") == pytest.approx({"nats_per_byte": loss, "bits_per_byte": 2, "perplexity": 4})
    assert named_loss(loss, "word") == pytest.approx({"nats_per_word": loss, "perplexity": 4})
