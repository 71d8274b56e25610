"""Pictures to vectors: one for each, as layers over frames read them, or a grid of them, as captioners look at."""

from __future__ import annotations

import numpy as np
from torch import nn

from recurra.export.layer_steps import floats
from recurra.export.onnx.graph import Graph
from recurra.export.onnx.parts import dense
from recurra.topologies.grid_encoders import FAINT, LEAST, NOISE, SHAPES, SMALLEST, Apart, SmallConvolutions
from recurra.topologies.picture_encoder import PictureEncoder


def encoded_pictures(graph: Graph, encoder: PictureEncoder, frames: str, before: str) -> str:
    """Shapes: frames and those before them [N, C H W] -> [N, size]"""
    mean, deviation = graph.constant(floats(encoder.mean)), graph.constant(floats(encoder.deviation))
    scaled = [
        graph.div(graph.sub(graph.reshape(each, -1, *encoder.shape), mean), deviation) for each in (frames, before)
    ]
    x = graph.concat([scaled[0], graph.sub(*scaled)], 1)
    shape: tuple[int, ...] = encoder.shape[1:]
    for layer in encoder.layers:
        if isinstance(layer, nn.Conv2d):
            weights = [graph.constant(floats(each)) for each in (layer.weight, layer.bias) if each is not None]
            x = graph.op("Conv", x, *weights, strides=[2, 2], pads=[1, 1, 1, 1])
            shape = tuple((side + 1) // 2 for side in shape)
        elif isinstance(layer, nn.GroupNorm):
            x = _normalised(graph, layer, x, (layer.num_channels, *shape))
        else:
            x = graph.op("Relu", x)
    return graph.op("Relu", dense(graph, graph.op("Flatten", x), encoder.head))


def _normalised(graph: Graph, layer: nn.GroupNorm, x: str, shape: tuple[int, ...]) -> str:
    groups = layer.num_groups
    one, none = graph.constant(np.ones(groups, np.float32)), graph.constant(np.zeros(groups, np.float32))
    apart = graph.reshape(x, 0, groups, -1)
    together = graph.reshape(graph.op("InstanceNormalization", apart, one, none, epsilon=layer.eps), -1, *shape)
    scale, shift = (graph.constant(floats(each).reshape(-1, 1, 1)) for each in (layer.weight, layer.bias))
    return graph.add(graph.mul(together, scale), shift)


def grid_of(graph: Graph, encoder: SmallConvolutions, pictures: str) -> str:
    """As SmallConvolutions in use. Shapes: uint8 [B, 3, S, S] -> [B, grid, 64]"""
    x = graph.sub(graph.div(graph.cast(pictures, "FLOAT"), graph.number(127.5)), graph.number(1.0))
    shapes = figure = _figures(graph, x)
    colours = _block_colours(graph, x, figure)
    for layer in encoder.shapes:
        shapes = _convolved(graph, layer, shapes)
    for layer in encoder.colours:
        colours = _convolved(graph, layer, colours)
    return graph.transpose(graph.reshape(graph.concat([shapes, colours], 1), 0, encoder.width, -1), 0, 2, 1)


def narrow(graph: Graph, grid: str, layer: Apart) -> str:
    """As Apart. Shapes: [B, grid, 64] -> [B, grid, P]"""
    shapes, colours = graph.cut(grid, 0, SHAPES[-1], 2), graph.cut(grid, SHAPES[-1], None, 2)
    return graph.concat([dense(graph, shapes, layer.shapes), dense(graph, colours, layer.colours)], 2)


def _convolved(graph: Graph, layer: nn.Module, x: str) -> str:
    """A convolution with the moments that it is normalised by inside its weights."""
    convolution, norm = layer.get_submodule("layer"), layer.get_submodule("norm")
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    weight = convolution.weight.double() * scale.view(-1, 1, 1, 1)
    bias = norm.bias.double() - norm.running_mean.double() * scale
    stride, pad = convolution.stride[0], int(convolution.padding[0])
    kept = [graph.constant(floats(each)) for each in (weight, bias)]
    return graph.op("Relu", graph.op("Conv", x, *kept, strides=[stride] * 2, pads=[pad] * 4))


def _figures(graph: Graph, x: str) -> str:
    """As grid_encoders.figures."""
    high, wide = graph.size(x, 2), graph.size(x, 3)
    few = graph.reshape(graph.cut(graph.cut(x, 0, None, 2, 2), 0, None, 3, 2), 0, 0, -1)
    count = graph.size(few, 2)
    middle = graph.div(graph.add(count, graph.ints(1)), graph.ints(2))  # the lower one of two
    lower, _ = graph.many("TopK", [few, middle], 2, axis=2, largest=0, sorted=1)
    ground = graph.unsqueeze(graph.cut(lower, -1, None, 2), 3)
    away = graph.op("Abs", graph.sub(x, ground))
    distance = graph.op("ReduceMax", away, axes=[1], keepdims=1)
    half, block = graph.ints(SMALLEST // 2), graph.ints(SMALLEST)
    rests = [graph.op("Mod", graph.sub(block, graph.op("Mod", side, block)), block) for side in (high, wide)]
    pads = [graph.ints(0, 0), half, half, graph.ints(0, 0), *(graph.add(half, rest) for rest in rests)]
    around = graph.op("Pad", distance, graph.concat(pads, 0))
    blocks = graph.op("MaxPool", around, kernel_shape=[2 * SMALLEST] * 2, strides=[SMALLEST] * 2)
    larger = graph.constant(np.array([1, 1, SMALLEST, SMALLEST], np.float32))
    repeated = graph.op(
        "Resize",
        blocks,
        "",
        larger,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    ends = graph.concat([high, wide], 0)
    strongest = graph.op("Slice", repeated, graph.ints(0, 0), ends, graph.ints(2, 3))
    share = graph.div(distance, graph.op("Max", strongest, graph.number(FAINT)))
    return graph.op("Relu", graph.div(graph.sub(share, graph.number(NOISE)), graph.number(1 - NOISE)))


def _block_colours(graph: Graph, x: str, figure: str) -> str:
    """As grid_encoders.block_colours."""
    how: dict[str, object] = {"kernel_shape": [SMALLEST] * 2, "strides": [SMALLEST] * 2, "ceil_mode": 1}
    weight = graph.op("AveragePool", figure, **how)
    colour = graph.op("AveragePool", graph.mul(x, figure), **how)
    return graph.div(graph.concat([colour, weight], 1), graph.add(weight, graph.number(LEAST)))
