"""Pictures to vectors, as the recurrent layers of a network of frames read them."""

from __future__ import annotations

import numpy as np
from torch import nn

from recurra.export.layer_steps import floats
from recurra.export.onnx.graph import Graph
from recurra.export.onnx.parts import dense
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
