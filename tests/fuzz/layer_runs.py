"""A layer run forward and back, and the list of uses that do it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from tests.fuzz.layer_cases import Case, Given, given

Answer = dict[str, Any]
USES: dict[str, tuple[int, Callable[[nn.Module, Case], Answer]]] = {}


def use(parts: int) -> Callable[[Callable[[nn.Module, Case], Answer]], Callable[[nn.Module, Case], Answer]]:
    """List a use, drawn in so many parts of all."""

    def listed(function: Callable[[nn.Module, Case], Answer]) -> Callable[[nn.Module, Case], Answer]:
        USES[function.__name__] = parts, function
        return function

    return listed


def named(out: Any) -> dict[str, Tensor]:
    """The tensors of a layer's answer."""
    y, hx = out
    found = {}
    if isinstance(y, PackedSequence):
        found = {"y": y.data, "batch sizes": y.batch_sizes}
        for name in ("sorted_indices", "unsorted_indices"):
            if getattr(y, name) is not None:
                found[name] = getattr(y, name)
    else:
        found = {"y": y}
    states = hx if isinstance(hx, tuple) else (hx,)
    return found | {f"state {i}": s for i, s in enumerate(states)}


def weighted(tensors: Any) -> Tensor:
    """A sum of all numbers, each with a weight of its own."""
    total = torch.zeros((), dtype=torch.float64)
    for i, t in enumerate(tensors):
        if t.is_floating_point():
            places = torch.arange(t.numel(), dtype=torch.float64).view(t.shape)
            total = total + (torch.cos(places * 1.3 + i) * t).sum()
    return total


@contextlib.contextmanager
def mode(layer: nn.Module, case: Case) -> Iterator[None]:
    if case.mode == "frozen weights":
        layer.requires_grad_(False)
    if case.mode == "eval":
        layer.eval()
    with contextlib.ExitStack() as stack:
        if case.mode in ("no_grad", "inference_mode"):
            stack.enter_context(getattr(torch, case.mode)())
        yield


def flags(found: dict[str, Tensor]) -> Answer:
    """What else a tensor says of itself."""
    said = {n: f"{t.dtype} {list(t.shape)} grad={t.requires_grad} leaf={t.is_leaf}" for n, t in found.items()}
    return {f"{n} is": s for n, s in said.items()}


def backward(found: dict[str, Tensor], layer: nn.Module, g: Given, *, calls: int = 1) -> Answer:
    """Numbers, and gradients where there are any."""
    answer: Answer = {n: t.detach().clone() for n, t in found.items()} | flags(found)
    if any(t.requires_grad for t in found.values()):
        for i in range(calls):
            weighted(found.values()).backward(retain_graph=i + 1 < calls)
    return answer | gradients(layer, g)


def gradients(layer: nn.Module, g: Given) -> Answer:
    answer: Answer = {}
    for name, leaf in [*g.leaves.items(), *layer.named_parameters()]:
        answer[f"d {name}"] = "none" if leaf.grad is None else leaf.grad.clone()
    return answer


def run(layer: nn.Module, case: Case, call: Callable[..., Any] | None = None) -> Answer:
    """A call in the case's mode, and its gradients."""
    g = given(case)
    with mode(layer, case):
        out = (layer if call is None else call)(*g.args())
        found = named(out)
    return backward(found, layer, g)
