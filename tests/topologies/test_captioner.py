"""Captioners: what a picture that is there at each step changes, how the small encoder sees."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recurra.errors import UsageError
from recurra.topologies import captioner as captioners
from recurra.topologies.captioner import CaptionBatch, Captioner, PictureAndTokens, colour_gaps
from recurra.topologies.grid_encoders import (
    SHAPES,
    SMALLEST,
    WIDTH,
    Apart,
    GivenVectors,
    SmallConvolutions,
    block_colours,
    figures,
    repainted,
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


def test_pictures_in_the_colours_of_one_another_keep_what_stands_where() -> None:
    """Of one colour, of another, and of two: each gets what another has, a thing in one colour or two things in two."""
    red, blue, white, black = (0.6, -0.7, -0.7), (-0.6, -0.3, 0.6), (0.9, 0.9, 0.9), (-0.9, -0.9, -0.9)
    two = painted(white)
    two[0, :, 22:30, 22:30] = torch.tensor(black)[:, None, None]
    pictures = torch.cat([painted(red), painted(blue), two])
    blocks = block_colours(pictures, figures(pictures))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(torch, "rand", torch.zeros)
        patched.setattr(torch, "randperm", lambda count, device: torch.tensor([2, 0, 1]))
        found = repainted(blocks)
    assert torch.equal(found[:, 3], blocks[:, 3])
    for row, wanted in enumerate((white, red, blue)):
        torch.testing.assert_close(found[row, :3, 1, 1], torch.tensor(wanted), rtol=0.05, atol=0.02)
    torch.testing.assert_close(found[2, :3, 3, 3], torch.tensor(blue), rtol=0.05, atol=0.02)
    assert not found[:, :, 0, 3].any()


def test_two_things_get_two_colours_in_either_order() -> None:
    picture = painted((0.9, 0.9, 0.9))
    picture[0, :, 22:30, 22:30] = -0.9
    blocks = block_colours(picture, figures(picture))
    drawn = [repainted(blocks)[0, 0] for _ in range(20)]
    assert {(round(float(b[1, 1]), 1), round(float(b[3, 3]), 1)) for b in drawn} == {(0.9, -0.9), (-0.9, 0.9)}


def test_a_picture_in_other_colours_has_the_same_shapes() -> None:
    encoder, pixels = SmallConvolutions().eval(), torch.randint(256, (3, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        alone, twice = encoder(pixels), encoder.twice(pixels)
    torch.testing.assert_close(twice[:3], alone)
    assert torch.equal(twice[3:, :, : SHAPES[-1]], twice[:3, :, : SHAPES[-1]])


def test_what_a_word_costs_more_in_false_colours_is_the_mean_of_its_places() -> None:
    costs = torch.tensor([0.1, 0.2, 0.3, 3.1, 0.1, 1.3])
    found = colour_gaps(costs, torch.tensor([4, 2, 4] * 2), 5)
    torch.testing.assert_close(found, torch.tensor([2.0, -0.1, 2.0]))


def test_words_that_colours_tell_count_in_true_colours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    settings = CaptionerSettings(cell="gru", hidden_size=6, embedding_size=5, picture_size=4, condition="attention")
    network = Captioner(SmallConvolutions(), 16, 7, settings)
    pixels = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    batch = CaptionBatch(pixels, torch.tensor([[1, 2, 6], [3, 6, 0]]), torch.tensor([3, 2]))

    def loss(told: float) -> float:
        monkeypatch.setattr(captioners, "colour_gaps", lambda costs, *_: costs.chunk(2)[0] * 0 + told)
        torch.manual_seed(1)
        found = network.loss(batch)
        assert found.units == 5
        return float(found.mean.detach())

    monkeypatch.setattr(captioners, "BY_LOOKING", 0.0)
    network.eval()
    plain = loss(0.0)
    network.train()
    monkeypatch.setattr("recurra.topologies.grid_encoders.repainted", lambda blocks: blocks)
    both, true_alone = loss(0.0), loss(9.0)
    assert both == pytest.approx(2 * true_alone)
    assert plain != pytest.approx(both)  # by stored moments, and seen once


def test_colours_come_by_attention_alone_where_no_whole_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing but the memory that attention reads tells pictures of other colours apart, in training alone."""
    torch.manual_seed(0)
    settings = CaptionerSettings(cell="gru", hidden_size=6, embedding_size=5, picture_size=4, condition="attention")
    network = Captioner(SmallConvolutions(), 16, 7, settings)
    red, blue = (torch.cat([torch.zeros(1, 16, 3), torch.full((1, 16, 1), c)], 2) for c in (0.5, 0.9))

    def begins_alike() -> bool:
        one, other = (network._begin(grid) for grid in (red, blue))
        assert one.memory is not None
        assert other.memory is not None
        assert not torch.equal(one.memory.values, other.memory.values)
        return torch.equal(one.state[0], other.state[0])

    monkeypatch.setattr(captioners, "BY_LOOKING", 1.0)
    assert begins_alike()
    network.eval()
    assert not begins_alike()
    monkeypatch.setattr(captioners, "BY_LOOKING", 0.0)
    network.train()
    assert not begins_alike()


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
