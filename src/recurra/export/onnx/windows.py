"""A window of values to the quantiles of a horizon."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from recurra.export.layer_steps import floats
from recurra.export.onnx.calls import Call, Kind
from recurra.export.onnx.graph import Graph
from recurra.export.onnx.layers import run_stack
from recurra.export.onnx.parts import dense
from recurra.topologies.forecaster import FLOOR, Forecaster


def _centred(graph: Graph, x: str) -> tuple[str, str]:
    """Around each column's mean over time, and its mean square. Shapes: [B, L, K] -> [B, L, K], [B, 1, K]"""
    centred = graph.sub(x, graph.mean(x, 1))
    return centred, graph.mean(graph.mul(centred, centred), 1)


def _graphs(network: Forecaster) -> dict[str, Graph]:
    graph, w, window, horizon = Graph("sequence"), network.widths, network.window, network.horizon
    levels = len(network.levels)
    values = graph.input("values", "FLOAT", ["batch", window, w.target])
    given = graph.input("scale", "FLOAT", ["batch", w.target])
    scale = graph.unsqueeze(given, 1)
    if network.by_level:
        centre = graph.input("centre", "FLOAT", ["batch", w.target])
        centred, square = graph.sub(values, graph.unsqueeze(centre, 1)), ""
    else:
        centred, square = _centred(graph, values)
    if network.by_window:
        scale = graph.op("Max", graph.op("Sqrt", square), graph.mul(graph.number(FLOOR), scale))
    z = graph.div(centred, scale)
    parts = [z]
    if network.gaps:
        parts.append(graph.input("missing", "FLOAT", ["batch", window, w.target]))
    if w.past:
        away, spread = _centred(graph, graph.input("past", "FLOAT", ["batch", window, w.past]))
        parts.append(graph.div(away, graph.op("Max", graph.op("Sqrt", spread), graph.number(FLOOR))))
    ahead = ""
    if w.ahead:
        ahead = graph.input("ahead", "FLOAT", ["batch", window + horizon, w.ahead])
        parts.append(graph.cut(ahead, 0, window, 1))
    if w.static:
        static = graph.input("static", "FLOAT", ["batch", w.static])
        shape = graph.concat([graph.size(values, 0), graph.ints(window, w.static)], 0)
        parts.append(graph.op("Expand", graph.unsqueeze(static, 1), shape))
    x = graph.transpose(graph.concat(parts, 2), 1, 0, 2)
    y = run_stack(graph, network.stack, x, None, None, graph.size(values, 0)).y
    seen = graph.squeeze(graph.cut(y, -1, None, 0), 0)
    found = graph.reshape(dense(graph, seen, network.head), -1, horizon, w.target, levels)
    if network.ahead is not None:
        hidden, last = network.ahead[0], network.ahead[2]
        assert isinstance(hidden, nn.Linear)
        assert isinstance(last, nn.Linear)
        shape = graph.concat([graph.size(values, 0), graph.ints(horizon, network.stack.output_size)], 0)
        beside = graph.op("Expand", graph.unsqueeze(seen, 1), shape)
        known = graph.concat([beside, graph.cut(ahead, window, window + horizon, 1)], 2)
        more = dense(graph, graph.op("Tanh", dense(graph, known, hidden)), last)
        found = graph.add(found, graph.reshape(more, -1, horizon, w.target, levels))
    newest = graph.cut(z, -1, None, 1)
    away = graph.sub(z, newest)
    if network.by_level:
        away = graph.concat([graph.cut(away, 0, window - 1, 1), newest], 1) if window > 1 else newest
    flat = graph.op("Flatten", away)
    if w.ahead:
        read = [flat, graph.squeeze(graph.cut(ahead, window, window + 1, 1), 1)]
        if w.further and horizon > 1:
            later = graph.cut(graph.cut(ahead, window + 1, window + horizon, 1), 0, w.further, 2)
            read.append(graph.op("Flatten", later))
        flat = graph.concat(read, 1)
    skipped = dense(graph, flat, network.skip)
    if network.perceptron is not None:
        into, out = network.perceptron[0], network.perceptron[2]
        assert isinstance(into, nn.Linear)
        assert isinstance(out, nn.Linear)
        seen = graph.cut(flat, (window - network.drawn.steps) * w.target, None, 1)
        said, (low, high) = (
            dense(graph, graph.op("Tanh", dense(graph, seen, into)), out),
            network.perceptron[3].buffers(),
        )
        said = graph.op("Max", said, graph.constant(floats(low)))
        skipped = graph.add(skipped, graph.op("Min", said, graph.constant(floats(high))))
    quantiles = _around(graph, network, graph.reshape(skipped, -1, horizon, w.target, 1), found)
    end = graph.unsqueeze(graph.squeeze(graph.cut(values, -1, None, 1), 1), 1, 3)
    found = graph.add(end, graph.mul(graph.unsqueeze(scale, 3), quantiles))
    graph.output(found, "quantiles", "FLOAT", ["batch", horizon, w.target, levels])
    return {"sequence": graph}


def _around(graph: Graph, network: Forecaster, linear: str, found: str) -> str:
    """Quantiles whose distances from the median add up."""
    middle, count = network.middle, len(network.levels)
    parts = graph.split(found, [1] * count, 3)
    median = graph.add(linear, parts[middle])
    others = graph.concat(parts[:middle] + parts[middle + 1 :], 3)
    gaps = graph.op("Softplus", graph.add(others, graph.constant(floats(network.spread))))
    gaps = graph.mul(gaps, graph.number(float(network.widening)))
    axis = graph.constant(np.int64(3), "i")
    below = [] if middle == 0 else [graph.op("CumSum", graph.cut(gaps, 0, middle, 3), axis, reverse=1)]
    above = [] if middle == count - 1 else [graph.op("CumSum", graph.cut(gaps, middle, None, 3), axis)]
    around = [graph.sub(median, each) for each in below] + [median] + [graph.add(median, each) for each in above]
    return graph.concat(around, 3)


def _called(network: Forecaster, args: tuple[Any, ...], given: dict[str, Any], result: Any) -> Call:
    windows, w = args[0], network.widths
    names = ["values", "scale", *(["centre"] if network.by_level else []), *(["missing"] if network.gaps else [])]
    names += [name for name in ("past", "ahead", "static") if getattr(w, name)]
    asked = {name: floats(getattr(windows, name)) for name in names}
    return Call("sequence", asked, {"quantiles": floats(result[0])})


KINDS: dict[type[nn.Module], Kind] = {Forecaster: Kind(_graphs, {"forward": _called})}
