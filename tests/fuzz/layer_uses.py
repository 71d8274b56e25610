"""What people do with torch.nn's recurrent layers. Each use takes a layer and a case and gives numbers by name."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from tests.fuzz import layer_surroundings
from tests.fuzz.layer_cases import Case, given, spoil
from tests.fuzz.layer_runs import USES, Answer, backward, mode, named, run, use

__all__ = ["USES", "Answer", "answer", "layer_surroundings"]


@use(12)
def plain(layer: nn.Module, case: Case) -> Answer:
    return run(layer, case)


@use(3)
def called_twice(layer: nn.Module, case: Case) -> Answer:
    """Gradients add up; the state goes on."""
    g = given(case)
    with mode(layer, case):
        y, hx = layer(*g.args())
        found = named(layer(g.x, hx)) | {f"first {n}": t for n, t in named((y, hx)).items()}
    return backward(found, layer, g)


@use(3)
def backward_twice(layer: nn.Module, case: Case) -> Answer:
    g = given(case)
    with mode(layer, case):
        found = named(layer(*g.args()))
    return backward(found, layer, g, calls=2)


@use(4)
def hooks(layer: nn.Module, case: Case) -> Answer:
    g, seen = given(case), {}

    def before(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        x = args[0]
        return (x._replace(data=x.data * 2) if isinstance(x, PackedSequence) else x * 2, *args[1:])

    def after(module: nn.Module, args: Any, out: Any) -> Any:
        seen["hook"] = named(out)["y"].detach().clone()
        return out

    layer.register_forward_pre_hook(before)
    layer.register_forward_hook(after)
    for name, parameter in layer.named_parameters():
        parameter.register_hook(lambda d, name=name: seen.update({f"hooked {name}": d.clone()}) or d * 0.5)
    with mode(layer, case):
        found = named(layer(*g.args()))
    for name, t in found.items():
        if t.requires_grad:
            t.register_hook(lambda d, name=name: seen.update({f"hooked {name}": d.clone()}))
    return backward(found, layer, g) | seen


@use(3)
def backward_hooks(layer: nn.Module, case: Case) -> Answer:
    g, seen = given(case), {}
    if isinstance(g.x, PackedSequence):
        return run(layer, case)

    def full(module: nn.Module, d_in: Any, d_out: Any) -> None:
        for i, d in enumerate(d_in):
            seen[f"d_in {i}"] = "none" if d is None else d.clone()

    layer.register_full_backward_hook(full)
    layer.register_full_backward_pre_hook(lambda m, d: seen.update({"d_out": len(d)}))
    with mode(layer, case):
        found = named(layer(*g.args()))
    return backward(found, layer, g) | seen


@use(6)
def in_place(layer: nn.Module, case: Case) -> Answer:
    """Outputs and states are changed; where torch's kernels need them as they were, torch gets copies."""
    copied = isinstance(layer, nn.RNNBase)
    g = given(case)
    with mode(layer, case):
        found = {n: t.clone() if copied and t.is_floating_point() else t for n, t in named(layer(*g.args())).items()}
        which = case.seed % 5
        y, last = found["y"], list(found.values())[-1]
        if which == 0 and len(y):
            y[0] = 0
        elif which == 1:
            y.mul_(2)
        elif which == 2:
            nn.functional.relu(last, inplace=True)
        elif which == 3:
            last.add_(1)
            y[..., :1].add_(last.sum())
        else:
            found["state 0"].copy_(torch.zeros_like(found["state 0"]))
            nn.functional.dropout(y, 0.0, inplace=True)
    answer = backward(found, layer, g)
    return {n: v for n, v in answer.items() if not n.endswith(" is")}


@use(3)
def pickled(layer: nn.Module, case: Case) -> Answer:
    if case.seed % 2:
        return run(pickle.loads(pickle.dumps(layer, case.seed % 5)), case)  # noqa: S301
    run(layer, case)
    layer.zero_grad()
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    return run(torch.load(file, weights_only=False), case)


@use(2)
def copied(layer: nn.Module, case: Case) -> Answer:
    run(layer, case)
    layer.zero_grad()
    other = copy.deepcopy(nn.ModuleList([layer]))[0]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    return run(other, case)


@use(2)
def functional_call(layer: nn.Module, case: Case) -> Answer:
    other = {n: (p * 1.25).detach().requires_grad_(p.requires_grad) for n, p in layer.named_parameters()}
    if case.seed % 3 == 0:
        other.pop("weight_ih_l0")
    answer = run(layer, case, lambda *a: torch.func.functional_call(layer, other, a))
    return answer | {f"d other {n}": "none" if p.grad is None else p.grad for n, p in other.items()}


@use(8)
def wrong(layer: nn.Module, case: Case) -> Answer:
    g = spoil(case, given(case))
    with torch.no_grad():
        found = named(layer(*g.args()))
    return {n: t.clone() for n, t in found.items()}


def answer(name: str, layer: nn.Module, case: Case) -> Answer | Exception:
    """What a use gives, or the exception that it ends with."""
    before = torch.get_num_threads()
    torch.set_num_threads(case.threads)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return USES[name][1](layer, case)
    except Exception as error:  # noqa: BLE001
        return error
    finally:
        torch.set_num_threads(before)
