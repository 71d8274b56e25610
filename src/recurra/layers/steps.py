"""RNNCell, LSTMCell and GRUCell as torch.nn has them, and more: one step, the state in the caller's hands."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.engines.checks import check_dense
from recurra.engines.request import CellWeights
from recurra.errors import ShapeError, UnknownNameError, UsageError
from recurra.layers.initial import Init, assign, draw_orthogonal, draw_uniform, start_own
from recurra.layers.torch_tools import TorchTools
from recurra.layers.zoneout import masks, zoned
from recurra.recurrence import unroll


class _Step(TorchTools):
    """The calling convention of torch.nn's cells around one step of a cell.

    zoneout, zoneout_cell: in training the share of units that keep their output, and their other states, at this step,
    a new mask at every call; in evaluation each state is the expectation (Krueger et al. 2017)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        device: Any,
        dtype: Any,
        *,
        cell: str | Cell,
        init: Init,
        zoneout: float,
        zoneout_cell: float,
        engine: str,
    ) -> None:
        super().__init__()
        for name, number in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise UsageError(f"{name} must be a whole number from 1, got {number!r}")
        if not isinstance(bias, bool):
            raise UsageError(f"bias must be True or False, got {bias!r}")
        if init not in ("torch", "orthogonal"):
            raise UnknownNameError("initialisation", init, ("torch", "orthogonal"))
        self.cell = get(cell)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        self.init, self.engine = init, engine
        self.trained_cell, self.evaluated_cell = zoned(self.cell, zoneout, zoneout_cell)
        self.zoneout, self.zoneout_cell = float(zoneout), float(zoneout_cell)
        shapes = self.cell.shapes(input_size, hidden_size, bias=bias)
        for stored, shape in shapes.items():
            self.register_parameter(stored, nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        for stored in ("bias_ih", "bias_hh"):
            if stored not in shapes:
                self.register_parameter(stored, None)
        self._stored = tuple(shapes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew, from torch's global random numbers; with init="torch", torch.nn's own numbers."""
        if self.init == "torch":
            draw_uniform(self.parameters(), self.hidden_size)
        else:
            drawn = {stored: torch.empty_like(getattr(self, stored)) for stored in self._stored}
            draw_orthogonal(self.cell, drawn)
            for stored, value in drawn.items():
                assign(self, stored, value)
        start_own(self.cell, self, [(stored, stored) for stored in self._stored])

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """One step.

        Shapes: input [B, I] or [I]; hx, (h, c, ...) or h alone for cells of one state, each as input with H for I,
                zeros if None  ->  the new state, as hx
        Errors: ShapeError
        """
        leaf = self.as_leaf((input, hx), {})
        if leaf is not None:
            return leaf
        check_dense("input", input)
        if input.dim() not in (1, 2):
            raise ShapeError(f"expected input [B, {self.input_size}] or [{self.input_size}], got {list(input.shape)}")
        single = input.dim() == 1
        state = None if hx is None else tuple(hx) if isinstance(hx, tuple | list) else (hx,)
        for tensor in state or ():
            if tensor.dim() != input.dim():
                raise ShapeError(
                    f"expected states of as many axes as input {list(input.shape)}, got {list(tensor.shape)}"
                )
        if single:
            input, state = input.unsqueeze(0), None if state is None else tuple(s.unsqueeze(0) for s in state)
        weights = CellWeights(**{stored: getattr(self, stored) for stored in self._stored})
        cell, given = self.evaluated_cell, tuple[Tensor, ...]()
        if self.training and self.trained_cell is not self.cell:
            widths = self.cell.widths(self.hidden_size, None)
            cell = self.trained_cell
            given = masks((self.zoneout, self.zoneout_cell), widths, len(input), 1, weights.weight_ih)
        _, new = unroll(cell, weights, input.unsqueeze(1), state, given=given, engine=self.engine)
        if single:
            new = tuple(s.squeeze(0) for s in new)
        return new if len(new) > 1 else new[0]

    def extra_repr(self) -> str:
        shown = f"{self.input_size}, {self.hidden_size}, cell={self.cell.name!r}"
        shown += "" if self.bias else ", bias=False"
        shares = {"zoneout": self.zoneout, "zoneout_cell": self.zoneout_cell}
        return shown + "".join(f", {name}={share}" for name, share in shares.items() if share)


class RNNCell(_Step):
    """torch.nn.RNNCell's arguments, results and state_dict; with `cell=`, any other cell in its place.

    Shapes: see `forward`. Source: Elman 1990, unless another cell is asked for
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
        *,
        cell: str | Cell | None = None,
        init: Init = "torch",
        zoneout: float = 0.0,
        zoneout_cell: float = 0.0,
        engine: str = "auto",
    ) -> None:
        plain = {"tanh": "rnn", "relu": "rnn-relu"}
        if nonlinearity not in plain:
            raise UnknownNameError("nonlinearity", str(nonlinearity), plain)
        if cell is not None and nonlinearity != "tanh":
            raise UsageError(f"cell={cell!r} has its own nonlinearities; leave nonlinearity out")
        chosen = plain[nonlinearity] if cell is None else cell
        super().__init__(
            input_size,
            hidden_size,
            bias,
            device,
            dtype,
            cell=chosen,
            init=init,
            zoneout=zoneout,
            zoneout_cell=zoneout_cell,
            engine=engine,
        )
        self.nonlinearity = nonlinearity


class _Gated(_Step):
    DEFAULT = ""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        cell: str | Cell | None = None,
        init: Init = "torch",
        zoneout: float = 0.0,
        zoneout_cell: float = 0.0,
        engine: str = "auto",
    ) -> None:
        chosen = self.DEFAULT if cell is None else cell
        super().__init__(
            input_size,
            hidden_size,
            bias,
            device,
            dtype,
            cell=chosen,
            init=init,
            zoneout=zoneout,
            zoneout_cell=zoneout_cell,
            engine=engine,
        )


class LSTMCell(_Gated):
    """torch.nn.LSTMCell's arguments, results and state_dict; with `cell=`, any other cell in its place.

    Shapes: see `forward`. Source: Hochreiter & Schmidhuber 1997; gate order i, f, g, o as torch
    """

    DEFAULT = "lstm"


class GRUCell(_Gated):
    """torch.nn.GRUCell's arguments, results and state_dict; with `cell=`, any other cell in its place.

    Shapes: see `forward`. Source: Cho et al. 2014, reset after the product as torch; gate order r, z, n
    """

    DEFAULT = "gru"
