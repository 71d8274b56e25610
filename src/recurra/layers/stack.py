"""Depth times direction: number of recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, get_args

import torch
from torch import Tensor, nn

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.cells.variants import low_rank
from recurra.engines.checks import check_dense, check_heads
from recurra.engines.request import CellWeights, Embedded, State
from recurra.engines.watching import is_recorded
from recurra.errors import ShapeError, UnknownNameError, UsageError
from recurra.layers import quantised
from recurra.layers.bare import is_bare
from recurra.layers.dropout import dropout, factors, locked
from recurra.layers.initial import Init, assign, belongs, draw_orthogonal, draw_uniform, start_own
from recurra.layers.recurrent_weights import checked_rank
from recurra.layers.recurrent_weights import dropped as left_out
from recurra.layers.states import check_states, stacked
from recurra.layers.stream import StackStream
from recurra.layers.torch_tools import TorchTools
from recurra.layers.zoneout import masks, zoned
from recurra.recurrence import unroll, unroll_both

Merge = Literal["concat", "sum"]


class Stack(TorchTools):
    """Recurrent layers, each fed with the outputs of the one below.

    cell: a name of the catalogue or a Cell; dropout: on the outputs of every layer but the last; variational: with the
    same mask at every step of a row; recurrent_dropout: on the operands of the recurrent products, one mask for a whole
    sequence (both Gal & Ghahramani 2016); merge: how the two directions' outputs become one; init: see `initial.py`;
    learned_state: the initial state is learned, from zero; proj_size: width of a cell's projection, 0: as wide as the
    units; heads: groups of units that see their own group's past alone (weight_hh is [G*H, H/heads]); weight_dropout:
    on the recurrent weights, one mask for a whole sequence and all rows (Merity et al. 2018); rank: the recurrent
    matrices are products of two factors (weight_hh the left ones [G*H, rank], weight_hr the right ones [G*rank, H]; 0:
    full rank; Kusupati et al. 2018); zoneout: in training the share of units that keep their output, the first state,
    for a step, zoneout_cell: that keep all other states, a new mask at every step, one for the states together; in
    evaluation the expectation (Krueger et al. 2017); engine: "auto" or an engine's name.

    Weights are stored as torch.nn stores them: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, with "_reverse" for
    the second direction; weight_ph_l0, weight_sh_l0, weight_k_l0 where the cell has peepholes, scales, single numbers.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        cell: str | Cell = "lstm",
        bias: bool = True,
        dropout: float = 0.0,
        variational: bool = False,
        recurrent_dropout: float = 0.0,
        bidirectional: bool = False,
        merge: Merge = "concat",
        init: Init = "torch",
        learned_state: bool = False,
        proj_size: int = 0,
        heads: int = 1,
        weight_dropout: float = 0.0,
        rank: int = 0,
        zoneout: float = 0.0,
        zoneout_cell: float = 0.0,
        engine: str = "auto",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        nn.Module.__init__(self)  # not the next class's: drop-ins are of nn.RNNBase too, whose weights are others
        for name, number in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise UsageError(f"{name} must be a whole number from 1, got {number!r}")
        shares = {"dropout": dropout, "recurrent_dropout": recurrent_dropout, "weight_dropout": weight_dropout}
        for name, share in shares.items():
            if not isinstance(share, int | float) or isinstance(share, bool) or not 0 <= share <= 1:
                raise UsageError(f"{name} must be a number from 0 to 1, got {share!r}")
        flags = {
            "bias": bias,
            "variational": variational,
            "bidirectional": bidirectional,
            "learned_state": learned_state,
        }
        for name, flag in flags.items():
            if not isinstance(flag, bool):
                raise UsageError(f"{name} must be True or False, got {flag!r}")
        if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
            raise UsageError(f"dtype must be a floating-point type as torch.float32, got {dtype!r}")
        if merge not in get_args(Merge):
            raise UnknownNameError("merge", merge, get_args(Merge))
        if init not in get_args(Init):
            raise UnknownNameError("initialisation", init, get_args(Init))
        self.cell = get(cell)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.dropout, self.recurrent_dropout = bias, float(dropout), float(recurrent_dropout)
        self.variational = variational
        self.bidirectional, self.merge, self.init, self.engine = bidirectional, merge, init, engine
        self.num_directions = 2 if bidirectional else 1
        self.learned_state = learned_state
        self.proj_size = self._checked_projection(proj_size)
        has_product = "weight_hh" in self.cell.layout()
        for name in ("recurrent_dropout", "weight_dropout"):
            if shares[name] and not has_product:
                raise UsageError(
                    f"{name}={shares[name]} acts on what a recurrent product maps; {self.cell.name} has no such "
                    "product; use dropout"
                )
        self.heads = check_heads(heads, hidden_size, self.cell)
        self.weight_dropout = float(weight_dropout)
        self.rank = checked_rank(rank, hidden_size, self.cell, self.heads)
        if self.rank:
            self.cell = low_rank(self.cell)
        self.trained_cell, self.evaluated_cell = zoned(self.cell, zoneout, zoneout_cell)
        self.zoneout, self.zoneout_cell = float(zoneout), float(zoneout_cell)
        for layer in range(num_layers):
            width = input_size if layer == 0 else self.output_size
            for direction in range(self.num_directions):
                for stored, shape in self._shapes(width).items():
                    weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                    self.register_parameter(self.key(stored, layer, direction), weight)
        self._stored = tuple(
            tuple((stored, self.key(stored, layer, direction)) for stored in self.cell.layout(bias=bias))
            for layer in range(num_layers)
            for direction in range(self.num_directions)
        )
        if learned_state:
            for state, width in zip(self.cell.states, self.state_widths, strict=True):
                start = torch.zeros(num_layers * self.num_directions, width, device=device, dtype=dtype)
                self.register_parameter(f"initial_{state}", nn.Parameter(start))
        self.reset_parameters()

    quantised = False
    """Whether the matrices are kept in 8 bits, see `quantize`."""

    @property
    def stored_keys(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """Of each layer and direction the kinds of its weights and their names in the state_dict."""
        return self._stored

    @property
    def output_size(self) -> int:
        """Width of the outputs."""
        return self.state_widths[0] * (self.num_directions if self.merge == "concat" else 1)

    @property
    def state_widths(self) -> tuple[int, ...]:
        """Width of each state: H, or proj_size where it is a projection."""
        return self.cell.widths(self.hidden_size, self.narrow)

    @property
    def narrow(self) -> int | None:
        """The width that is neither the input's nor the units': of the projection, or the rank; None without."""
        return self.rank or self.proj_size or None

    def _shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        shapes = self.cell.shapes(width, self.hidden_size, bias=self.bias, proj_size=self.narrow)
        if self.heads > 1:
            rows, columns = shapes["weight_hh"]
            shapes["weight_hh"] = (rows, columns // self.heads)
        return shapes

    def _checked_projection(self, size: int) -> int:
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= self.hidden_size:
            most = self.hidden_size
            raise UsageError(f"proj_size must be a whole number from 0 to hidden_size = {most}, got {size!r}")
        if size and not self.cell.projected:
            raise UsageError(f"proj_size={size}: {self.cell.name} has no projection (lstm-projected has)")
        return size

    @staticmethod
    def key(stored: str, layer: int, direction: int) -> str:
        """The name of a weight in the state_dict."""
        return f"{stored}_l{layer}{'_reverse' if direction else ''}"

    def weights(self, layer: int = 0, direction: int = 0, *, dropped: bool = True) -> CellWeights:
        """The weights of one layer and direction, as the next sequence uses them.

        dropped: with weight_dropout, if the layer is in training
        """
        held = self._held(layer, direction)
        if self.weight_dropout and self.training and dropped:
            return left_out(held, self.weight_dropout)
        return held

    def quantize(self) -> Self:
        """Keep the matrices in 8 bits, a scale for each row, and make the products of 8 bits; returns the layer itself.

        For inference: states and all that is elementwise stay float32, dropout is off, nothing learns any more. The
        state_dict has "..._int8" and "..._scale" in the place of each matrix, whose own name still gives what these
        stand for. copy.deepcopy(layer).quantize() keeps the layer as it is. See `recurrence.unroll_in_bytes`.
        Errors: UsageError for weights that are not float32 or not finite, or that a parametrisation makes
        """
        if not self.quantised:
            quantised.quantise(self)
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("weight_") and (found := quantised.dense(self, name)) is not None:
            return found
        return super().__getattr__(name)

    def _held(self, layer: int, direction: int) -> CellWeights:
        keys = self._stored[layer * self.num_directions + direction]
        held = self._parameters  # a shorter way than getattr, which also finds what a parametrisation makes
        found = {s: held[key] if key in held else getattr(self, key) for s, key in keys}
        return CellWeights(**found, heads=self.heads)  # type: ignore[arg-type]

    def reset_parameters(self) -> None:
        """Draw the weights anew, from torch's global random numbers.

        With init="torch", as torch.nn, whatever the layer learns: of a parametrised weight what it is made of.
        Errors: UsageError for another init where a parametrisation takes no value
        """
        if self.quantised:
            raise UsageError("a quantised layer has no weights to draw; make a new one")
        states = [f"initial_{state}" for state in self.cell.states] if self.learned_state else []
        if self.init == "torch":
            draw_uniform([p for name, p in self.named_parameters() if not belongs(name, states)], self.hidden_size)
        else:
            for keys in self._stored:
                drawn = {stored: torch.empty_like(getattr(self, key)) for stored, key in keys}
                draw_orthogonal(self.cell, drawn)
                for stored, key in keys:
                    assign(self, key, drawn[stored])
        for keys in self._stored:
            start_own(self.cell, self, keys)
        for name in states:
            assign(self, name, torch.zeros_like(getattr(self, name)))

    def initial_state(self, batch: int) -> State:
        """The state a sequence starts from: one tensor [L*D, B, H] for each state of the cell."""
        rows = self.num_layers * self.num_directions
        if self.learned_state:
            return tuple(getattr(self, f"initial_{s}").unsqueeze(1).expand(-1, batch, -1) for s in self.cell.states)
        like = self._held(0, 0).weight_ih
        return tuple([like.new_zeros(rows, batch, width) for width in self.state_widths])

    def forward(
        self, x: Tensor | Embedded, state: Sequence[Tensor] | None = None, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run all layers.

        Shapes: x [B, T, I] or Embedded; state, for each state of the cell [L*D, B, H]; lengths int64 [B]
                ->  y [B, T, D*H] (H for merge="sum"), zero past each row's length; the last states, as `state`
        """
        leaf = self.as_leaf((x, state), {"lengths": lengths})
        return self._run(x, state, lengths) if leaf is None else leaf

    def apart(
        self, x: Tensor | Embedded, state: Sequence[Tensor] | None = None, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, list[State]]:
        """As a call; the last states are those of each layer and direction, which nobody who reads y alone need stack.

        Shapes: as forward -> y; of each layer and direction one state [B, H] or [1, B, H] for each of the cell's
        """
        if self.quantised or is_recorded() or not is_bare(self, Stack):
            y, last = self(x, state, lengths=lengths)
            return y, [tuple(rows) for rows in zip(*last, strict=True)]
        return self._layers(*self._begun(x, state), lengths)

    def _run(
        self, x: Tensor | Embedded, state: Sequence[Tensor] | None, lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        x, start = self._begun(x, state)
        if self.quantised:
            return quantised.run(self, x, start, lengths)
        y, last = self._layers(x, start, lengths)
        return y, stacked(last)

    def _begun(self, x: Tensor | Embedded, state: Sequence[Tensor] | None) -> tuple[Tensor | Embedded, State | None]:
        """Checked input and initial state, None for zeros."""
        if isinstance(x, Embedded):
            x = x.without_padding()
        rows = x.tokens if isinstance(x, Embedded) else x
        check_dense("x", rows)
        shape = rows.shape
        if not shape:
            raise ShapeError(f"expected x [B, T, {self.input_size}] or tokens [B, T], got a single number")
        batch = shape[0]
        start: State | None = None  # zeros
        if state is not None:
            start = tuple(state)
            self.check_state(start, batch)
        elif self.learned_state:
            start = self.initial_state(batch)
            self.check_state(start, batch)
        return x, start

    def _layers(self, x: Tensor | Embedded, start: State | None, lengths: Tensor | None) -> tuple[Tensor, list[State]]:
        shape = (x.tokens if isinstance(x, Embedded) else x).shape
        batch = shape[0]
        last: list[State] = []
        cell = self.trained_cell if self.training else self.evaluated_cell
        for layer in range(self.num_layers):
            weights, states, dropped, given = [], [], [], []
            for direction in range(self.num_directions):
                row = layer * self.num_directions + direction
                own = self.weights(layer, direction)  # once, for a parametrisation may draw random numbers
                weights.append(own)
                states.append(None if start is None else tuple([s[row] for s in start]))
                dropped.append(self._recurrent_mask(batch, own.weight_ih))
                given.append(self._zoneout_masks(batch, shape[1], own.weight_ih))
            if self.num_directions == 2 and self.merge == "concat":
                x, ends = unroll_both(
                    cell,
                    (weights[0], weights[1]),
                    x,
                    (states[0], states[1]),
                    lengths=lengths,
                    recurrent_masks=(dropped[0], dropped[1]),
                    given=(given[0], given[1]),
                    engine=self.engine,
                )
                last += ends
            else:
                outputs = []
                for direction, own in enumerate(weights):
                    y, end = unroll(
                        cell,
                        own,
                        x,
                        states[direction],
                        lengths=lengths,
                        reverse=direction == 1,
                        recurrent_mask=dropped[direction],
                        given=given[direction],
                        stacked=len(self._stored) == 1,
                        engine=self.engine,
                    )
                    outputs.append(y)
                    last.append(end)
                x = self.merged(outputs)
            if self.dropout and layer < self.num_layers - 1:
                drop = locked if self.variational else dropout
                x = drop(x, self.dropout, self.training)
        assert isinstance(x, Tensor)
        return x, last

    def merged(self, outputs: list[Tensor]) -> Tensor:
        """Both directions' outputs as one: [B, T, H] each -> [B, T, 2H], [B, T, H] with merge="sum"."""
        if len(outputs) == 1:
            return outputs[0]
        return torch.cat(outputs, -1) if self.merge == "concat" else outputs[0] + outputs[1]

    def _recurrent_mask(self, batch: int, like: Tensor) -> Tensor | None:
        if not self.training or self.recurrent_dropout == 0:
            return None
        mapped = self.proj_size or self.hidden_size
        return factors((batch, mapped), self.recurrent_dropout, like)

    def _zoneout_masks(self, batch: int, time: int, like: Tensor) -> tuple[Tensor, ...]:
        if not self.training or self.trained_cell is self.cell:
            return ()
        return masks((self.zoneout, self.zoneout_cell), self.state_widths, batch, time, like)

    def stream(self, batch: int = 1, state: State | None = None) -> StackStream:
        """The layers one step at a time: `stream.step(x)` takes x [B, I] and gives y [B, H].

        Shapes: state, for each state of the cell [L, B, H], the initial one if None
        Errors: UsageError for two directions; ShapeError
        """
        return StackStream(self, batch, state)

    def check_state(self, state: State, batch: int | None) -> None:
        """Errors: ShapeError for states that are not one [L*D, B, H] for each state of the cell; [L*D, H] for None"""
        check_states(self.cell, state, self.num_layers * self.num_directions, batch, self.state_widths)

    def extra_repr(self) -> str:
        shown = [f"{self.input_size}, {self.hidden_size}, cell={self.cell.name!r}"]
        defaults = {
            "num_layers": 1,
            "bias": True,
            "dropout": 0.0,
            "variational": False,
            "recurrent_dropout": 0.0,
            "bidirectional": False,
            "merge": "concat",
            "init": "torch",
            "learned_state": False,
            "proj_size": 0,
            "heads": 1,
            "weight_dropout": 0.0,
            "rank": 0,
            "zoneout": 0.0,
            "zoneout_cell": 0.0,
            "engine": "auto",
        }
        shown += ["quantised"] if self.quantised else []
        shown += [f"{k}={getattr(self, k)!r}" for k, default in defaults.items() if getattr(self, k) != default]
        return ", ".join(shown)
