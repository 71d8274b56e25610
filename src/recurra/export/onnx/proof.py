"""Whether ONNX Runtime says what the network says: what it is asked is written down and asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from recurra.errors import RecurraError, UsageError
from recurra.export.answers import allowed
from recurra.export.onnx import blanks, generators, streams, taggers, windows, writers
from recurra.export.onnx.calls import Call, Kind
from recurra.export.onnx.graph import Graph, need_onnx

MOST_CALLS = 400
MOST_NUMBERS = 20_000_000
KINDS: dict[type[nn.Module], Kind] = (
    streams.KINDS | generators.KINDS | taggers.KINDS | writers.KINDS | windows.KINDS | blanks.KINDS
)


def kind_of(network: nn.Module) -> Kind:
    """Errors: UsageError for a network that nothing is known of"""
    for kind, found in KINDS.items():
        if isinstance(network, kind):
            return found
    raise UsageError(f"a {type(network).__name__} cannot be written as ONNX; its nearest target is --to torch")


@contextmanager
def heard(network: nn.Module) -> Iterator[list[Call]]:
    """What the network is asked meanwhile, and what it says, as calls of its graphs."""
    kind, found = kind_of(network), list[Call]()
    numbers = 0

    def listening(method: Callable[..., Any], described: Callable[..., Call | None]) -> Callable[..., Any]:
        def call(*args: Any, **given: Any) -> Any:
            nonlocal numbers
            result = method(*args, **given)
            if len(found) < MOST_CALLS and numbers < MOST_NUMBERS:
                one = described(network, args, given, result)
                if one is not None:
                    found.append(one)
                    numbers += sum(each.size for each in one.outputs.values())
            return result

        return call

    for name, described in kind.calls.items():
        object.__setattr__(network, name, listening(getattr(network, name), described))
    try:
        yield found
    finally:
        for name in kind.calls:
            object.__delattr__(network, name)


@dataclass(frozen=True)
class Proof:
    """calls, numbers: that were compared; difference, largest: the largest difference, the largest number; answers,
    same: the most probable classes or tokens, and how many of them the graphs say too
    """

    calls: int
    numbers: int
    difference: float
    largest: float
    answers: int = 0
    same: int = 0


def session(model: bytes) -> Any:
    """It runs on the processor, in one thread."""
    need_onnx()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def prove(models: Mapping[str, bytes], calls: list[Call], own: float = 0.0) -> Proof:
    """Ask the graphs what the network was asked. own: see `answers.own_rounding`

    Errors: RecurraError if they say something else
    """
    sessions = {name: session(model) for name, model in models.items()}
    difference = largest = 0.0
    numbers = answers = same = 0
    for call in calls:
        names = list(call.outputs)
        found = sessions[call.graph].run(names, call.inputs)
        for name, said in zip(names, found, strict=True):
            expected = call.outputs[name]
            known = np.isfinite(expected)
            if said.shape != expected.shape or not np.array_equal(known, np.isfinite(said)):
                raise _differs(call.graph, name, f"{list(said.shape)}, not {list(expected.shape)}")
            if name in ("logits", "outputs"):  # what is past a row's end means nothing
                meant = _meant(call, expected)
                known &= meant
            if name == "logits" or (name == "outputs" and "tokens" in call.inputs):
                best = expected.argmax(-1)[meant.any(-1)]
                answers += len(best)
                same += int((said.argmax(-1)[meant.any(-1)] == best).sum())
            size = float(np.abs(expected[known]).max(initial=0.0))
            off = float(np.abs(said[known].astype(np.float64) - expected[known]).max(initial=0.0))
            limit = 0.0 if expected.dtype == np.int64 else allowed(size, own)
            if not off <= limit:
                raise _differs(call.graph, name, f"by {off:.3g}, {limit:.3g} is allowed")
            difference, largest, numbers = max(difference, off), max(largest, size), numbers + int(known.sum())
    return Proof(len(calls), numbers, difference, largest, answers, same)


def _meant(call: Call, expected: Any) -> Any:
    lengths = call.inputs.get("lengths")
    if lengths is None or expected.ndim < 3:
        return np.ones(expected.shape, bool)
    there = np.arange(expected.shape[1]) < lengths[:, None]
    return np.broadcast_to(there.reshape(*there.shape, *[1] * (expected.ndim - 2)), expected.shape)


def _differs(graph: str, name: str, how: str) -> RecurraError:
    return RecurraError(f"ONNX Runtime does not say what the network says: {name} of {graph} differs, {how}")


def graphs(network: nn.Module) -> dict[str, Graph]:
    """The graphs of a network, by name. Errors: UsageError for what ONNX cannot hold"""
    return kind_of(network).graphs(network)
