"""What drawings say of a network is what the network is."""

from __future__ import annotations

import re

import pytest
from torch import nn

from recurra.errors import UsageError
from recurra.inspection.drawings.pictures import blueprint, draw_rolled, draw_unrolled
from recurra.inspection.network import structure
from recurra.layers.stack import Stack
from recurra.report.svg import checked_svg
from recurra.topologies.frame_generator import FrameGenerator
from recurra.topologies.settings import FrameGeneratorSettings
from tests.laws.small_networks import NETWORKS, Small

ONES = pytest.mark.parametrize("small", NETWORKS, ids=lambda one: f"{one.task}, {one.name}")


def frame_generator() -> FrameGenerator:
    return FrameGenerator(3, [2, 4], FrameGeneratorSettings(hidden_size=6, num_layers=2, cell="gru", from_last=True))


@ONES
def test_boxes_hold_all_parameters_and_give_the_shape_that_the_network_gives(small: Small) -> None:
    network = small.network()
    plan = blueprint(network)
    assert plan.parameters == structure(network).parameters
    given = re.findall(r"\w+", plan.block("y").shape)
    found = tuple({"B": 2, "T": 4}.get(axis) or int(axis) for axis in given)
    expected = small.shape(2, 4)
    assert found == (expected if len(found) == len(expected) else (expected[0], *expected[2:]))  # of one blank


@ONES
def test_drawings_are_pictures_with_each_part_and_its_parameters(small: Small) -> None:
    network = small.network()
    plan = blueprint(network)
    rolled, unrolled = checked_svg(draw_rolled(network)), checked_svg(draw_unrolled(network))
    for svg in (rolled, unrolled):
        texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
        for block in plan.blocks:
            assert texts.count(block.title.replace("&", "&amp;")) >= 1
            assert block.words in texts
    layers = [block for block in plan.blocks if block.chains]
    assert rolled.count(">h, c</text>") == len(layers)
    assert unrolled.count(">h</text>") == sum(len(block.chains) * len(plan.lanes[block.lane].steps) for block in layers)


def test_no_box_lies_on_another() -> None:
    for network in [small.network() for small in NETWORKS] + [frame_generator()]:
        for svg in (draw_rolled(network), draw_unrolled(network)):
            found = re.findall(
                r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" rx="[\d.]+" fill="[^"]*" '
                r'fill-opacity="0.1"',
                svg,
            )
            boxes = [tuple(map(float, each)) for each in found]
            for number, (x, y, width, height) in enumerate(boxes):
                for other_x, other_y, other_width, other_height in boxes[:number]:
                    apart = (
                        x >= other_x + other_width
                        or other_x >= x + width
                        or y >= other_y + other_height
                        or other_y >= y + height
                    )
                    assert apart, svg


def test_a_generator_of_frames_and_a_stack_are_drawn_whole() -> None:
    stack = Stack(3, 4, 2, cell="gru", bidirectional=True, learned_state=True)
    for network in (frame_generator(), stack):
        assert blueprint(network).parameters == sum(p.numel() for p in network.parameters())
        checked_svg(draw_rolled(network))
        checked_svg(draw_unrolled(network))


def test_what_is_no_network_of_ours_is_refused() -> None:
    with pytest.raises(UsageError, match="got a Linear"):
        draw_rolled(nn.Linear(2, 2))
