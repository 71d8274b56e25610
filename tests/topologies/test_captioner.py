"""Captioners: what a picture that is there at each step changes, how the small encoder sees."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recurra.topologies.captioner import Captioner, PictureAndTokens
from recurra.topologies.grid_encoders import SMALLEST, WIDTH, GivenVectors, SmallConvolutions, outlines
from recurra.topologies.settings import CaptionerSettings


def captioner(**given: Any) -> Captioner:
    torch.manual_seed(0)
    settings = CaptionerSettings(cell="gru", hidden_size=6, embedding_size=5, picture_size=4, **given)
    return Captioner(GivenVectors(3), 2, 7, settings).eval()


@pytest.mark.parametrize("condition", ["steps", "attention"])
def test_given_vectors_begin_as_if_there_was_no_picture(condition: str) -> None:
    network, tokens = captioner(condition=condition), torch.tensor([[7, 1, 2]] * 2)
    logits, _ = network(PictureAndTokens(tokens, torch.randn(2, 2, 3)))
    torch.testing.assert_close(logits[0], logits[1])


def test_a_picture_at_each_step_reaches_a_word_past_any_state() -> None:
    """The same state and words, another picture given: other outputs. A state alone has nothing of the kind."""
    network = captioner(condition="steps")
    torch.nn.init.normal_(network.combine.weight)
    tokens = torch.tensor([[7, 1, 2]] * 2)
    _, state = network(PictureAndTokens(tokens, torch.randn(2, 2, 3)))
    *states, given = state
    assert given.shape == (1, 2, 8)
    same = [each[:, :1].expand(-1, 2, -1).contiguous() for each in states]
    logits, _ = network(PictureAndTokens(torch.tensor([[3]] * 2)), state=(*same, given))
    assert not torch.allclose(logits[0], logits[1])
    assert len(captioner(condition="state")(PictureAndTokens(tokens, torch.randn(2, 2, 3)))[1]) == len(states)


def test_an_outline_is_the_same_in_any_colour() -> None:
    pictures = torch.full((2, 3, 16, 16), -0.2)
    pictures[0, 0, 4:12, 4:12], pictures[1, 2, 4:12, 4:12] = 0.6, -1.0
    red, blue = outlines(pictures)
    torch.testing.assert_close(red, blue)
    assert red.max() > 0.8
    assert red[0, 7, 7] == 0


@pytest.mark.parametrize("size", [16, 17, 31])
def test_any_size_is_a_grid(size: int) -> None:
    side = -(-size // SMALLEST)
    pixels = torch.randint(256, (2, 3, size, size), dtype=torch.uint8)
    assert SmallConvolutions()(pixels).shape == (2, side * side, WIDTH)
