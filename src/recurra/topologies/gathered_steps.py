"""One step of many sequences at once, each with a state of its own, and each answered as if it were alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.request import State
from recurra.layers.stack import Stack

ROWS = 16
"""Of a block. A product's kernel, and with it the order in which a sum is taken, is chosen by how many rows there are:
an LSTM of 256 units steps 1, 2, 3 and 7 rows to other last bits than 8 and more. So a block always has as many, rows
without a sequence being zeros, and a sequence alone is computed as it is among others. 16 rows of such an LSTM take as
long as five alone, 64 take four times as long as 16."""


class GatheredSteps:
    """The layers of a network one step at a time, for rows that come and go between steps.

    A row's numbers are, bit for bit, those that it has without the others: see ROWS. What is no number in one row stays
    there, for no operation goes across rows.
    head: maps outputs to what they say, row by row; rows: of a block: ROWS, or 1 on a machine where a block's rows
    differ by their index, so that each goes alone
    Errors: UsageError for a stack of two directions
    """

    def __init__(self, stack: Stack, head: nn.Module | None = None) -> None:
        self._weight = stack.weights(dropped=False).weight_ih.detach()
        self._start = tuple(s[:, 0].detach().clone() for s in stack.initial_state(1))
        self._stack, self._head, self.rows = stack, head, ROWS
        self._stream = stack.stream(ROWS)
        if not self._alike():
            self.rows, self._stream = 1, stack.stream(1)

    @property
    def start(self) -> State:
        """Of a sequence that begins: for each state of the cell [L, H]."""
        return self._start

    @property
    def bytes(self) -> int:
        """Of one sequence's state."""
        return sum(s.numel() * s.element_size() for s in self._start)

    def step(self, x: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """The next step of each row.

        Shapes: x [N, I]; states, for each row and each state of the cell [L, H] -> y [N, H], the states after it
        """
        outputs, after = [], []
        with torch.no_grad():
            for first in range(0, len(states), self.rows):
                y, some = self._block(x[first : first + self.rows], states[first : first + self.rows])
                outputs.append(y)
                after += some
        return torch.cat(outputs), after

    def outputs(self, y: Tensor) -> Tensor:
        """What the head says, in blocks too. Shapes: y [N, H] -> [N, O]"""
        if self._head is None:
            return y
        with torch.no_grad():
            blocks = [self._head(self._padded(y[k : k + self.rows])) for k in range(0, len(y), self.rows)]
            return torch.cat(blocks)[: len(y)]

    def _block(self, x: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        count, stream = len(states), self._stream
        gathered = []
        for values in zip(*states, strict=True):
            some = torch.stack(values, 1)
            gathered.append(some if count == self.rows else functional.pad(some, (0, 0, 0, self.rows - count)))
        stream.state = tuple(gathered)
        y = stream.step(self._padded(x))[:count].clone()
        rows = [s.unbind(1) for s in stream.state]
        return y, [tuple(s[k].clone() for s in rows) for k in range(count)]

    def _padded(self, x: Tensor) -> Tensor:
        return x if len(x) == self.rows else functional.pad(x, (0, 0, 0, self.rows - len(x)))

    def _alike(self) -> bool:
        """Whether this machine's kernels give a row the same bits wherever it stands, and whatever beside it."""
        random = torch.Generator().manual_seed(0)
        like = self._weight

        def drawn(*shape: int) -> Tensor:
            return torch.randn(shape, generator=random).to(like)

        x = drawn(ROWS, like.shape[1])
        states = [tuple(drawn(*s.shape) for s in self._start) for _ in range(ROWS)]
        y, together = self._block(x, states)
        said = self.outputs(y)
        for k in range(ROWS):
            alone, (state,) = self._block(x[k : k + 1], states[k : k + 1])
            if not torch.equal(alone[0], y[k]) or not all(map(torch.equal, state, together[k])):
                return False
            if not torch.equal(self.outputs(alone)[0], said[k]):
                return False
        return True
