"""Captioners: what a picture that is there at each step changes, how the small encoder sees."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recurra.errors import UsageError
from recurra.topologies.captioner import CaptionBatch, Captioner, PictureAndTokens
from recurra.topologies.grid_encoders import (
    SHAPES,
    SMALLEST,
    WIDTH,
    Apart,
    GivenVectors,
    SmallConvolutions,
    block_colours,
    figures,
)
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


def painted(colour: tuple[float, float, float], ground: float = -0.2) -> torch.Tensor:
    """A square of a colour. Shapes: -> [1, 3, 32, 32]"""
    picture = torch.full((1, 3, 32, 32), ground)
    picture[0, :, 6:19, 6:19] = torch.tensor(colour)[:, None, None]
    return picture


def test_a_figure_is_the_same_in_any_colour() -> None:
    red, blue = figures(painted((0.6, -0.7, -0.7))), figures(painted((-0.6, -0.3, 0.6)))
    assert torch.equal(red, blue)
    assert torch.equal(red[0, 0, 6:19, 6:19], torch.ones(13, 13))
    assert red.sum() == 13 * 13


def test_block_colours_know_no_shape() -> None:
    """A block that a figure fills and one that it only touches have one colour."""
    picture = painted((0.6, -0.7, 0.1))
    blocks = block_colours(picture, figures(picture))
    torch.testing.assert_close(blocks[0, :3, 1, 1], torch.tensor([0.6, -0.7, 0.1]), rtol=0.05, atol=0)
    torch.testing.assert_close(blocks[0, :, 0, 0], blocks[0, :, 1, 1], rtol=0.1, atol=0)
    assert not blocks[0, :, 3, 3].any()


def test_the_numbers_of_shapes_are_the_same_in_any_colour() -> None:
    encoder = SmallConvolutions().eval()
    red, blue = (((painted(c) + 1) * 127.5).round().byte() for c in ((0.6, -0.7, -0.7), (-0.6, -0.3, 0.6)))
    with torch.no_grad():
        one, other = encoder(red), encoder(blue)
    assert torch.equal(one[..., : SHAPES[-1]], other[..., : SHAPES[-1]])
    assert not torch.allclose(one[..., SHAPES[-1] :], other[..., SHAPES[-1] :])


def test_a_path_of_one_number_cannot_be_kept_apart() -> None:
    with pytest.raises(UsageError, match="picture_size 2 or more, got 1"):
        Apart(1)


@pytest.mark.parametrize("size", [16, 17, 31])
def test_any_size_is_a_grid(size: int) -> None:
    side = -(-size // SMALLEST)
    pixels = torch.randint(256, (2, 3, size, size), dtype=torch.uint8)
    assert SmallConvolutions()(pixels).shape == (2, side * side, WIDTH)


def test_dropped_words_are_not_read_in_training_alone() -> None:
    """With nearly all dropped the loss hardly depends on the words before; an evaluation reads all of them."""
    network, vectors = captioner(condition="steps", word_dropout=0.999999), torch.randn(1, 2, 3)
    one, other = (CaptionBatch(vectors, torch.tensor([[w, 4]]), torch.tensor([2])) for w in (1, 2))

    def of_the_second_word(batch: CaptionBatch) -> torch.Tensor:
        alone = batch._replace(target=batch.target[:, :1], lengths=torch.tensor([1]))
        return 2 * network.loss(batch).mean - network.loss(alone).mean

    assert not torch.isclose(of_the_second_word(one), of_the_second_word(other))
    network.train()
    torch.testing.assert_close(of_the_second_word(one), of_the_second_word(other))
