"""Networks that other libraries have too: one stack of plain layers between a table or frames and a dense head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from recurra.cells.variants import RANK
from recurra.errors import UsageError
from recurra.layers.stack import Stack
from recurra.topologies.frames import FrameNetwork
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.many_to_one import SequenceClassifier
from recurra.topologies.outputs import Softmax

TORCH = {"lstm": "LSTM", "lstm-projected": "LSTM", "gru": "GRU", "rnn": "RNN", "rnn-relu": "RNN"}
"""The module of torch.nn with a cell's equations."""


@dataclass(frozen=True)
class Plain:
    """table: of token vectors, None where frames are read; pooling: None where each step has an output"""

    stack: Stack
    head: nn.Linear
    table: Any = None
    gain: float = 1.0
    pooling: str | None = None


def plain(network: nn.Module, target: str) -> Plain:
    """Errors: UsageError for a network that is not such a one, with the reason and what can hold it"""
    if isinstance(network, NextToken):
        if not isinstance(network.head, Softmax):
            raise _refused(target, "its output layer is an adaptive softmax", "--to onnx or --to c")
        found = Plain(network.stack, network.head, network.table.weight, network.table.gain)
    elif isinstance(network, SequenceClassifier):
        if network.skip is not None and bool(network.skip.share):
            raise _refused(target, "a linear skip of n-grams has a share in its answers", "--to onnx")
        if network.reader is not None:
            raise _refused(target, "characters are read beside words (level both)", "--to onnx")
        table = network.table
        found = Plain(network.stack, network.head, table.weight, table.gain, network.pooling)
    elif isinstance(network, FrameNetwork):
        if network.encoder is not None or network.delay:
            what = "pictures are seen by convolutions" if network.encoder is not None else "its labels come later"
            raise _refused(target, what, "--to onnx")
        found = Plain(network.stack, network.head, pooling=None if network.per_frame else network.pooling)
    else:
        raise _refused(target, f"a {type(network).__name__} is more than layers and a dense head", "--to onnx")
    check_stack(found.stack, target)
    return found


def check_stack(stack: Stack, target: str) -> None:
    """Errors: UsageError for layers that torch.nn has not"""
    cell = stack.cell.name.removesuffix(RANK)
    reasons = {
        f"its cell {cell} is none of {', '.join(TORCH)}": cell not in TORCH,
        "its projection is as wide as its units": stack.cell.projected
        and not stack.rank
        and not 0 < stack.proj_size < stack.hidden_size,
        f"its recurrent matrices are of rank {stack.rank}": stack.rank > 0,
        f"its units are {stack.heads} heads": stack.heads > 1,
        "zoneout keeps a share of each state": stack.evaluated_cell is not stack.cell,
        "its directions are added up": stack.bidirectional and stack.merge == "sum",
    }
    for reason, holds in reasons.items():
        if holds:
            raise _refused(target, reason, "--to onnx, or --to c for one direction")


def _refused(target: str, reason: str, nearest: str) -> UsageError:
    return UsageError(
        f"--to {target} holds plain layers and a dense head, and {reason}; its nearest target is {nearest}"
    )
