"""Recurrent layers of a model, as its config describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recurra.cells import catalogue
from recurra.cells.definition import Cell
from recurra.cells.variants import expected_zoneout, low_rank
from recurra.errors import UsageError
from recurra.runtime.layer import Layer, LayerStream
from recurra.runtime.predictions import Floats
from recurra.runtime.weights import Ints, Weights, one_of, setting

State = tuple[Floats, ...]
"""For each state of the cell [L*D, B, H]."""
MOST_LAYERS = 1000


class Layers:
    """As layers.Stack in evaluation: each layer is fed with the outputs of the one below.

    settings: the network's, of a config; prefix: before the names of its weights
    Errors: ModelFolderError for weights of another network; KeyError and TypeError for settings that are none
    """

    def __init__(self, weights: Weights, settings: Mapping[str, Any], width: int, threads: int, prefix: str) -> None:
        cell = catalogue.get(setting(settings, "cell", str))
        hidden, count = setting(settings, "hidden_size", int), setting(settings, "num_layers", int)
        rank, heads = setting(settings, "rank", int, 0), setting(settings, "heads", int, 1)
        if hidden < 1 or not 1 <= count <= MOST_LAYERS or heads < 1 or hidden % heads or not 0 <= rank < hidden:
            raise TypeError(f"hidden_size {hidden}, num_layers {count}, heads {heads}, rank {rank}")
        self.bidirectional = setting(settings, "bidirectional", bool, False)
        self.merge = one_of(settings, "merge", ("concat", "sum"), "concat")
        cell = low_rank(cell) if rank else cell
        shares = tuple(float(setting(settings, name, int | float, 0.0)) for name in ("zoneout", "zoneout_cell"))
        if not all(0 <= share <= 1 for share in shares):
            raise TypeError(f"zoneout and zoneout_cell are {shares}")
        evaluated = expected_zoneout(cell, (shares[0], shares[1])) if any(shares) else cell
        self.directions = 2 if self.bidirectional else 1
        widths = cell.widths(hidden, rank or None)
        self.output_size = widths[0] * (self.directions if self.merge == "concat" else 1)
        self.input_size = width
        self.layers: list[list[Layer]] = []
        for layer in range(count):
            inputs = width if layer == 0 else self.output_size
            shapes = _shapes(cell, inputs, hidden, rank, heads)
            self.layers.append(
                [
                    Layer(
                        evaluated,
                        {n: weights.floats(f"{prefix}.{key(n, layer, way)}", *s) for n, s in shapes.items()},
                        threads,
                    )
                    for way in range(self.directions)
                ]
            )
        rows = count * self.directions
        names = [f"{prefix}.initial_{state}" for state in cell.states]
        learned = setting(settings, "learned_state", bool, False)
        self.starts = [
            weights.floats(name, rows, width) if learned else np.zeros((rows, width), np.float32)
            for name, width in zip(names, widths, strict=True)
        ]

    def initial(self, batch: int) -> State:
        """The state that a sequence starts from."""
        return tuple(np.repeat(each[:, None], batch, 1) for each in self.starts)

    def run(
        self, x: Floats | Ints, state: State | None = None, *, table: Floats | None = None, lengths: Ints | None = None
    ) -> tuple[Floats, State]:
        """Shapes: x [B, T, I], or tokens int64 [B, T] of a table [V, I] -> [B, T, D*H], last states"""
        before = self.initial(len(x)) if state is None else state
        last: list[list[Floats]] = []
        y: Floats | Ints = x
        for number, layer in enumerate(self.layers):
            outputs = []
            for way, each in enumerate(layer):
                row = number * self.directions + way
                start = [s[row] for s in before]
                out, end = each.run(y, start, table=None if number else table, lengths=lengths, reverse=way == 1)
                outputs.append(out)
                last.append(end)
            y = self.merged(outputs)
        return y.astype(np.float32, copy=False), tuple(np.stack(rows) for rows in zip(*last, strict=True))

    def merged(self, outputs: Sequence[Floats]) -> Floats:
        """Both directions' outputs as one."""
        if len(outputs) == 1:
            return outputs[0]
        found: Floats = np.concatenate(outputs, -1) if self.merge == "concat" else outputs[0] + outputs[1]
        return found

    def top(self, state: State) -> Floats:
        """The last outputs of the uppermost layer in its directions. Shapes: -> [B, D*H]"""
        return self.merged(list(state[0][-self.directions :]))

    def stream(self, state: State | None = None) -> LayersStream:
        """One sequence, a step at a time. Errors: UsageError for layers of two directions"""
        if self.bidirectional:
            raise UsageError(
                "this model cannot stream: its layers read in both directions, and the backward one begins at the end "
                "of the sequence; train it with --no-bidirectional"
            )
        before = self.initial(1) if state is None else state
        return LayersStream([layer[0].stream([s[i] for s in before]) for i, layer in enumerate(self.layers)])


class LayersStream:
    """Layers of one direction, a step at a time."""

    def __init__(self, layers: Sequence[LayerStream]) -> None:
        self._layers = layers

    def step(self, x: Floats) -> Floats:
        """Shapes: x [1, I] -> y [1, H], which the next step overwrites"""
        for layer in self._layers:
            x = layer.step(x)
        return x


def key(stored: str, layer: int, direction: int) -> str:
    """The name of a weight."""
    return f"{stored}_l{layer}{'_reverse' if direction else ''}"


def _shapes(cell: Cell, inputs: int, hidden: int, rank: int, heads: int) -> dict[str, tuple[int, ...]]:
    shapes = cell.shapes(inputs, hidden, proj_size=rank or None)
    if heads > 1:
        rows, columns = shapes["weight_hh"]
        shapes["weight_hh"] = (rows, columns // heads)
    return shapes
