"""RNN, LSTM and GRU as torch.nn has them, and more."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from recurra.cells.definition import Cell
from recurra.engines.checks import check_dense
from recurra.engines.request import Embedded
from recurra.engines.watching import is_recorded
from recurra.errors import ShapeError, UnknownNameError, UsageError
from recurra.layers.initial import Init
from recurra.layers.packed import Run, order, runs, split
from recurra.layers.stack import Merge, Stack


class _DropIn(Stack, nn.RNNBase):  # type: ignore[misc]
    """The calling convention of torch.nn's recurrent layers around a Stack.

    An nn.RNNBase, for code asks so before it draws weights, switches dropout off or reads sizes, and would pass over
    the layer in silence. None of RNNBase's own state is kept: what it would do to its flat list of weights is not done.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int, *, batch_first: bool, proj_size: int, **rest: Any
    ) -> None:
        if not isinstance(batch_first, bool):
            raise UsageError(f"batch_first must be True or False, got {batch_first!r}")
        super().__init__(input_size, hidden_size, num_layers, proj_size=proj_size, **rest)
        if self.dropout and num_layers == 1:
            warnings.warn(
                f"dropout={self.dropout} acts between layers and has no effect with num_layers=1", stacklevel=3
            )
        self.batch_first = batch_first

    def forward(
        self, input: Tensor | PackedSequence | Embedded, hx: Any = None, *, lengths: Tensor | None = None
    ) -> tuple[Any, Any]:
        """As torch.nn's layer, with `lengths`.

        Shapes: input [T, B, I], [B, T, I] with batch_first, [T, I] for one sequence, a PackedSequence, or Embedded;
                hx, (h, c, ...) or h alone for cells of one state, each [L*D, B, H] ([L*D, H] for a single sequence);
                lengths int64 [B]
                ->  outputs in the layout of the input, zero past each row's length; the last states as hx
        """
        leaf = self.as_leaf((input, hx), {"lengths": lengths})
        if leaf is not None:
            return leaf  # type: ignore[no-any-return]
        states = hx if hx is None or isinstance(hx, tuple | list) else (hx,)
        if isinstance(input, PackedSequence):
            if lengths is not None:
                raise UsageError("a PackedSequence has its own lengths; give lengths with padded input only")
            return self._packed(input, states)
        if isinstance(input, Embedded):
            y, last = self._run(input, states, lengths)
            return y, self._state_out(last)
        check_dense("input", input)
        if input.dim() == 2:
            return self._single(input, states, lengths)
        if input.dim() != 3:
            raise ShapeError(f"expected input of 2 or 3 axes, got {list(input.shape)}")
        x = input if self.batch_first else input.transpose(0, 1)
        y, last = self._run(x, states, lengths)
        return (y if self.batch_first else y.transpose(0, 1)), self._state_out(last)

    def _single(self, x: Tensor, states: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
        if states is not None:
            self.check_state(tuple(states), None)
            states = tuple(s.unsqueeze(1) for s in states)
        y, last = self._run(x.unsqueeze(0), states, lengths)
        return y.squeeze(0), self._state_out(tuple(s.squeeze(1) for s in last))

    def _packed(self, packed: PackedSequence, states: Any) -> tuple[PackedSequence, Any]:
        parts = [] if is_recorded() else runs(packed.batch_sizes)
        if len(parts) > 1:
            return self._in_runs(packed, states, parts)
        x, lengths = pad_packed_sequence(packed, batch_first=True)
        y, last = self._run(x, states, lengths)
        by_length = packed.sorted_indices
        if by_length is not None:
            y, lengths = y[by_length], lengths[by_length.cpu()]
        data = pack_padded_sequence(y, lengths, batch_first=True).data
        again = PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        return again, self._state_out(last)

    def _in_runs(self, packed: PackedSequence, states: Any, parts: list[Run]) -> tuple[PackedSequence, Any]:
        if states is not None:
            self.check_state(tuple(states), int(packed.batch_sizes[0]))
            if packed.sorted_indices is not None:
                states = [s.index_select(1, packed.sorted_indices) for s in states]
        indices = order(packed.batch_sizes, parts).to(packed.data.device)
        outputs, ends = [], []
        for run, part in zip(parts, split(packed, parts, indices), strict=True):
            x, lengths = pad_packed_sequence(part, batch_first=True)
            start = None if states is None else tuple(s[:, run.rows] for s in states)
            y, last = self._run(x, start, lengths)
            outputs.append(pack_padded_sequence(y, lengths, batch_first=True).data)
            ends.append(last)
        back = torch.empty_like(indices).scatter_(0, indices, torch.arange(len(indices), device=indices.device))
        whole = tuple(torch.cat(rows, 1) for rows in zip(*ends, strict=True))
        if packed.unsorted_indices is not None:
            whole = tuple(s.index_select(1, packed.unsorted_indices) for s in whole)
        data = torch.cat(outputs).index_select(0, back)
        again = PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        return again, self._state_out(whole)

    def _state_out(self, state: tuple[Tensor, ...]) -> Any:
        return state if len(state) > 1 else state[0]

    __setattr__ = nn.Module.__setattr__  # type: ignore[assignment]
    __getstate__ = object.__getstate__
    __setstate__ = nn.Module.__setstate__
    _apply = nn.Module._apply
    _replicate_for_data_parallel = nn.Module._replicate_for_data_parallel

    @property
    def mode(self) -> str:  # type: ignore[override]
        """The kind of layer as torch.nn names it; of cells that torch has not, the cell's name."""
        return {"rnn": "RNN_TANH", "rnn-relu": "RNN_RELU", "lstm": "LSTM", "gru": "GRU"}.get(
            self.cell.name, self.cell.name
        )

    def flatten_parameters(self) -> None:
        """Nothing to do; here because code written for torch.nn calls it."""

    def _init_flat_weights(self) -> None:
        """Nothing to do: there is no second list of the weights."""

    @property
    def _flat_weights(self) -> list[Tensor]:  # type: ignore[override]
        return [weight for weights in self.all_weights for weight in weights]

    @property
    def _flat_weights_names(self) -> list[str]:  # type: ignore[override]
        return [key for keys in self._all_weights for key in keys]

    @property
    def _all_weights(self) -> list[list[str]]:  # type: ignore[override]
        """Names of the weights of each layer and direction, where code written for torch.nn looks for them."""
        return [[key for _, key in keys] for keys in self._stored]

    @property
    def all_weights(self) -> list[list[Tensor]]:  # type: ignore[override]
        """The weights of each layer and direction, as torch.nn lists them."""
        return [[getattr(self, key) for key in keys] for keys in self._all_weights]

    def extra_repr(self) -> str:
        return super().extra_repr() + (", batch_first=True" if self.batch_first else "")


class RNN(_DropIn):
    """torch.nn.RNN's arguments, results and state_dict; with `cell=`, any other cell in its place.

    Shapes: as torch.nn.RNN; see `forward`. The keyword arguments after torch's own are those of Stack.
    Source: Elman 1990, unless another cell is asked for
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        cell: str | Cell | None = None,
        merge: Merge = "concat",
        recurrent_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        heads: int = 1,
        rank: int = 0,
        zoneout: float = 0.0,
        zoneout_cell: float = 0.0,
        init: Init = "torch",
        learned_state: bool = False,
        engine: str = "auto",
        proj_size: int = 0,
    ) -> None:
        plain = {"tanh": "rnn", "relu": "rnn-relu"}
        if nonlinearity not in plain:
            raise UnknownNameError("nonlinearity", str(nonlinearity), plain)
        if cell is not None and nonlinearity != "tanh":
            raise UsageError(f"cell={cell!r} has its own nonlinearities; leave nonlinearity out")
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            batch_first=batch_first,
            proj_size=proj_size,
            cell=plain[nonlinearity] if cell is None else cell,
            bias=bias,
            dropout=dropout,
            bidirectional=bidirectional,
            merge=merge,
            recurrent_dropout=recurrent_dropout,
            init=init,
            weight_dropout=weight_dropout,
            heads=heads,
            rank=rank,
            zoneout=zoneout,
            zoneout_cell=zoneout_cell,
            learned_state=learned_state,
            engine=engine,
            device=device,
            dtype=dtype,
        )
        self.nonlinearity = nonlinearity


class _Gated(_DropIn):
    DEFAULT = PROJECTED = ""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
        *,
        cell: str | Cell | None = None,
        merge: Merge = "concat",
        recurrent_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        heads: int = 1,
        rank: int = 0,
        zoneout: float = 0.0,
        zoneout_cell: float = 0.0,
        init: Init = "torch",
        learned_state: bool = False,
        engine: str = "auto",
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            batch_first=batch_first,
            proj_size=proj_size,
            cell=(self.PROJECTED if proj_size else self.DEFAULT) if cell is None else cell,
            bias=bias,
            dropout=dropout,
            bidirectional=bidirectional,
            merge=merge,
            recurrent_dropout=recurrent_dropout,
            init=init,
            weight_dropout=weight_dropout,
            heads=heads,
            rank=rank,
            zoneout=zoneout,
            zoneout_cell=zoneout_cell,
            learned_state=learned_state,
            engine=engine,
            device=device,
            dtype=dtype,
        )


class LSTM(_Gated):
    """torch.nn.LSTM's arguments, results and state_dict; with `cell=`, any other cell in its place.

    Shapes: as torch.nn.LSTM; see `forward`. The keyword arguments after torch's own are those of Stack.
    Source: Hochreiter & Schmidhuber 1997; gate order i, f, g, o as torch
    """

    DEFAULT, PROJECTED = "lstm", "lstm-projected"


class GRU(_Gated):
    """torch.nn.GRU's arguments, results and state_dict; with `cell=`, any other cell in its place.

    Shapes: as torch.nn.GRU; see `forward`. The keyword arguments after torch's own are those of Stack.
    Source: Cho et al. 2014, reset after the product as torch; gate order r, z, n
    """

    DEFAULT = PROJECTED = "gru"
