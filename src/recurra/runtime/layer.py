"""One recurrent layer and direction in the native core, over time and step by step."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from ctypes import byref, c_void_p
from typing import Any

import numpy as np

from recurra.cells.definition import Cell
from recurra.engines.native import library
from recurra.engines.native.compiled import compiled
from recurra.runtime.once import values_of
from recurra.runtime.predictions import Floats
from recurra.runtime.weights import Ints

REFUSED = {
    library.BAD_LENGTHS: "a row's length is below 1 or above T",
    library.BAD_TOKENS: "a token is outside the table",
}


class Layer:
    """The weights of one layer and direction.

    weights: by their stored names, as `Cell.shapes` has them; threads: at most, see `recurra.runtime.load`
    Errors: EngineError if there is no native core, or no room in it for such a cell
    """

    def __init__(self, cell: Cell, weights: Mapping[str, Floats], threads: int) -> None:
        self._cell = compiled(cell, bias=True, mask=False)
        self._c = self._cell.library.c
        self._weights = [np.ascontiguousarray(weights[name]) for name in self._cell.stored]
        self.input_size = self._weights[0].shape[1]
        self.hidden = self._weights[0].shape[0] // self._cell.ih_blocks
        self._threads = threads
        narrow = self._weights[-1].shape[0] // self._cell.hr_blocks if self._cell.hr_blocks else self.hidden
        self.widths = cell.widths(self.hidden, narrow)
        self._narrow = narrow
        self._held = list(self._weights)
        self._fill_vectors()

    def _fill_vectors(self) -> None:
        """What stands beside the stored weights: single numbers once for each unit, and what is computed once."""
        cell, hidden = self._cell, self.hidden
        prologue = cell.form.prologue
        if prologue is not None:
            blocks = {}
            for parameter, number, block in cell.prologue_weights:
                size = 1 if number == cell.numbers else hidden
                blocks[parameter] = self._weights[number][size * block : size * (block + 1)]
            values = values_of(prologue.program, blocks, hidden)
        if cell.numbers >= 0:
            self._held[cell.numbers] = np.repeat(self._weights[cell.numbers], hidden)
        if prologue is not None:
            self._held.append(values)

    def _call(self, state: Sequence[Floats]) -> library.Call:
        cell, call = self._cell, library.Call()
        call.type, call.products, call.threads = library.F32, library.AS_STORED, self._threads
        call.batch, call.hidden, call.projected = len(state[0]), self.hidden, self._narrow
        call.inputs, call.heads = self.input_size, 1
        call.weight_ih, call.ih_blocks = self._held[0].ctypes.data, cell.ih_blocks
        if cell.hh_blocks:
            call.weight_hh, call.hh_blocks = self._held[1].ctypes.data, cell.hh_blocks
        if cell.hr_blocks:
            call.weight_hr, call.hr_blocks = self._weights[-1].ctypes.data, cell.hr_blocks
        elif cell.hh_blocks:
            call.heads = self.hidden // self._weights[1].shape[1]
        vectors, states = call.vectors, call.state
        for i, (which, block) in enumerate(cell.vectors):
            vectors[i] = self._held[which].ctypes.data + 4 * self.hidden * block
        for i, each in enumerate(state):
            states[i] = each.ctypes.data
        return call

    def run(
        self,
        x: Floats | Ints,
        state: Sequence[Floats],
        *,
        table: Floats | None = None,
        lengths: Ints | None = None,
        reverse: bool = False,
    ) -> tuple[Floats, list[Floats]]:
        """Outputs, 0 past each row's length, and last states.

        Shapes: x [B, T, I], or tokens int64 [B, T] of a table [V, I]; state each [B, H] -> [B, T, H], each [B, H]
        """
        x = x if x.flags.c_contiguous else x.copy()
        state = [np.ascontiguousarray(each) for each in state]
        batch, time = x.shape[:2]
        y = np.empty((batch, time, self.widths[0]), np.float32)
        last = [np.empty((batch, width), np.float32) for width in self.widths]
        call = self._call(state)
        call.time, call.reverse = time, int(reverse)
        if table is None:
            call.x, call.x_batch, call.x_time = x.ctypes.data, time * self.input_size, self.input_size
        else:
            call.tokens, call.tokens_batch, call.tokens_time = x.ctypes.data, time, 1
            call.table, call.vocabulary = table.ctypes.data, len(table)
        if lengths is not None:
            lengths = np.ascontiguousarray(lengths)
            call.lengths = lengths.ctypes.data
        call.y, call.y_batch, call.y_time = y.ctypes.data, time * self.widths[0], self.widths[0]
        lasts = call.last
        for i, each in enumerate(last):
            lasts[i] = each.ctypes.data
        check(self._c.recurra_forward(self._cell.infer, byref(call)))
        return y, last

    def stream(self, state: Sequence[Floats]) -> LayerStream:
        """A step at a time, from these states on, each [B, H]."""
        return LayerStream(self._c, self._cell.infer, self._call(state), self, len(state[0]))


class LayerStream:
    """A layer's states between steps; nothing is allocated on the way. Not for several threads at once."""

    def __init__(self, c: ctypes.CDLL, program: int, call: library.Call, layer: Layer, batch: int) -> None:
        self._c, self._layer = c, layer
        self._handle = c.recurra_stream_new(program, byref(call))
        if not self._handle:
            raise MemoryError("no memory for a stream")
        self._x = np.empty((batch, layer.input_size), np.float32)
        self._y = np.empty((batch, layer.widths[0]), np.float32)
        self._states = [np.empty((batch, width), np.float32) for width in layer.widths]
        self._at: Any = (c_void_p * len(self._states))(*(each.ctypes.data for each in self._states))
        self._addresses = self._x.ctypes.data, self._y.ctypes.data

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._c.recurra_stream_free(self._handle)

    def step(self, x: Floats) -> Floats:
        """Shapes: x [B, I] -> y [B, H], which the next step overwrites"""
        self._x[...] = x
        check(self._c.recurra_stream_step(self._handle, *self._addresses))
        return self._y

    def state(self) -> list[Floats]:
        """Copies of the states, each [B, H]."""
        check(self._c.recurra_stream_state(self._handle, self._at, 0))
        return [each.copy() for each in self._states]


def check(code: int) -> None:
    """Errors: MemoryError; what else the core refuses was checked before"""
    if code == library.NO_MEMORY:
        raise MemoryError("no memory for a recurrent layer's work")
    if code != library.OK:
        raise AssertionError(REFUSED.get(code, f"the native core refused a call that was checked (code {code})"))
