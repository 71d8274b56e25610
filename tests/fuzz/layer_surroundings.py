"""What torch puts around layers: parametrisations, tracing, threads, autocast, checkpoints, other devices."""

from __future__ import annotations

import copy
import threading
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune, weight_norm
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

from tests.fuzz.layer_cases import Case, given
from tests.fuzz.layer_runs import Answer, gradients, named, run, use, weighted


class Scaled(nn.Module):
    def forward(self, w: Tensor) -> Tensor:
        return w * 1.5

    def right_inverse(self, w: Tensor) -> Tensor:
        return w / 1.5


class Adapted(nn.Module):
    def __init__(self, like: Tensor) -> None:
        super().__init__()
        numbers = torch.linspace(-1, 1, 2 * max(like.shape), dtype=like.dtype)
        self.a = nn.Parameter(numbers[: 2 * like.shape[0]].view(-1, 2).clone())
        self.b = nn.Parameter(numbers[: 2 * like.shape[1]].view(2, -1).clone())

    def forward(self, w: Tensor) -> Tensor:
        return w + self.a @ self.b / 8


@use(4)
def parametrised(layer: nn.Module, case: Case) -> Answer:
    which = case.seed % 6
    name = "weight_hh_l0" if case.seed % 4 < 2 else "weight_ih_l0"
    torch.manual_seed(case.seed)  # an orthogonal weight is made of random columns too
    if which == 0:
        parametrize.register_parametrization(layer, name, Scaled())
    elif which == 1:
        parametrize.register_parametrization(layer, name, Adapted(getattr(layer, name)))
    elif which == 2:
        parametrizations.weight_norm(layer, name)
    elif which == 3:
        weight_norm(layer, name)
    elif which == 4:
        prune.l1_unstructured(layer, name, 0.3)
    else:
        parametrizations.orthogonal(layer, name)
    answer = run(layer, case)
    if which in (0, 1):
        torch.manual_seed(case.seed)
        layer.reset_parameters()
        parametrize.remove_parametrizations(layer, name)
    elif which == 4:
        prune.remove(layer, name)
    layer.zero_grad()
    return answer | {f"again {n}": v for n, v in run(layer, case).items()}


@use(2)
def traced(layer: nn.Module, case: Case) -> Answer:
    """Of torch's the call itself: what is traced computes what was there."""
    g = given(case)
    if isinstance(g.x, PackedSequence):
        return run(layer, case)
    layer.eval().requires_grad_(False)
    other = torch.utils._pytree.tree_map_only(Tensor, lambda t: t / 2 + 0.1, g.args())
    module = layer if isinstance(layer, nn.RNNBase) else torch.jit.trace(layer, g.args(), check_trace=False)
    return {n: t.clone() for n, t in named(module(*other)).items()}


@use(1)
def compiled(layer: nn.Module, case: Case) -> Answer:
    torch._dynamo.reset()
    if isinstance(layer, nn.RNNBase):
        answer = run(layer, case)
    else:
        answer = run(layer, case, torch.compile(layer, backend="aot_eager"))
    return {n: v for n, v in answer.items() if not n.endswith(" is")}


@use(2)
def in_threads(layer: nn.Module, case: Case) -> Answer:
    """Three at a time, each with inputs of its own, no gradients of weights."""
    layer.requires_grad_(False)
    answers: dict[int, Answer] = {}
    threads = [
        threading.Thread(target=lambda i=i: answers.update({i: run(layer, case)}), daemon=True) for i in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {f"{i} {n}": v for i in sorted(answers) for n, v in answers[i].items()}


@use(3)
def under_autocast(layer: nn.Module, case: Case) -> Answer:
    """Of torch's without autocast, for not every processor has bfloat16; numbers to the accuracy of that."""
    if isinstance(layer, nn.RNNBase) or case.dtype == "float64":
        answer = run(layer, case)
    else:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            answer = run(layer, case)
    return {n: v for n, v in answer.items() if not n.endswith(" is")}


@use(3)
def twice_derived(layer: nn.Module, case: Case) -> Answer:
    g = given(case)
    with torch.backends.mkldnn.flags(enabled=not isinstance(layer, nn.RNNBase)):  # torch's has no second derivative
        found = named(layer(*g.args()))
        leaves = {n: t for n, t in [*g.leaves.items(), *layer.named_parameters()] if t.requires_grad}
        first = torch.autograd.grad(
            weighted(found.values()),
            list(leaves.values()),
            create_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        weighted([d.square() for d in first]).backward()
    return {f"first {n}": d.detach() for n, d in zip(leaves, first, strict=True)} | gradients(layer, g)


@use(4)
def state_dicts(layer: nn.Module, case: Case) -> Answer:
    """Loaded into a fresh layer in one of the ways there are."""
    state, which = copy.deepcopy(layer.state_dict()), case.seed % 4
    other = copy.deepcopy(layer)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.fill_(float("nan"))
    if which == 0:
        other.load_state_dict(state)
    elif which == 1:
        other.load_state_dict({n: t.clone().t().contiguous().t() for n, t in state.items()}, assign=True)
    elif which == 2:
        other = other.to_empty(device="cpu")
        other.load_state_dict(state)
    else:
        other = copy.deepcopy(layer).to("meta").to_empty(device="cpu")
        other.load_state_dict(state, assign=True)
    answer: Answer = {"keys": list(other.state_dict()), "prefixed": list(other.state_dict(prefix="a."))}
    broken = dict(state)
    broken.pop("weight_hh_l0")
    said = other.load_state_dict({**broken, "more": torch.ones(1)}, strict=False)
    answer |= {"missing": said.missing_keys, "unexpected": said.unexpected_keys}
    return answer | run(other, case)


@use(3)
def conversions(layer: nn.Module, case: Case) -> Answer:
    which = case.seed % 5
    if which == 0:
        layer = layer.double().float().to(getattr(torch, case.dtype))
    elif which == 1:
        layer = layer.share_memory()
    elif which == 2:
        layer = layer.bfloat16().to(getattr(torch, case.dtype))
    elif which == 3:
        layer = layer.half().to(getattr(torch, case.dtype))
    else:
        layer = layer.apply(lambda m: None).train(False).train(True).requires_grad_(True)
    return run(layer, case) | {"devices": str({p.device for p in layer.parameters()})}


@use(3)
def parts_frozen(layer: nn.Module, case: Case) -> Answer:
    for i, parameter in enumerate(layer.parameters()):
        parameter.requires_grad_((case.seed >> i) % 2 == 0)
    return run(layer, case)


@use(2)
def trained(layer: nn.Module, case: Case) -> Answer:
    layer = layer.to(torch.float64)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.05, momentum=0.9)
    case = copy.copy(case)
    object.__setattr__(case, "dtype", "float64")
    answer: Answer = {}
    for step in range(3):
        optimizer.zero_grad(set_to_none=step % 2 == 0)
        g = given(case)
        found = named(layer(*g.args()))
        answer[f"loss {step}"] = weighted(found.values()).detach()
        weighted(found.values()).backward()
        nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimizer.step()
    return answer | {n: p.detach().clone() for n, p in layer.named_parameters()}


@use(2)
def checkpointed(layer: nn.Module, case: Case) -> Answer:
    reentrant = bool(case.seed % 2)
    g = given(case)
    if isinstance(g.x, PackedSequence) or case.mode != "train":
        return run(layer, case)
    return run(layer, case, lambda *a: checkpoint(layer, *a, use_reentrant=reentrant))


@use(2)
def saved_elsewhere(layer: nn.Module, case: Case) -> Answer:
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t.clone()):
        return run(layer, case)


@use(2)
def in_a_model(layer: nn.Module, case: Case) -> Answer:
    """Between other modules, as most are; DataParallel passes through on a CPU."""
    dtype = next(layer.parameters()).dtype
    torch.manual_seed(case.seed)
    out = nn.Linear(layer.hidden_size * (2 if layer.bidirectional else 1), 3, dtype=dtype)
    model = nn.DataParallel(layer) if case.seed % 2 else layer

    def call(*args: Any) -> Any:
        y, hx = model(*args)
        if isinstance(y, PackedSequence):
            y, _ = pad_packed_sequence(y, batch_first=layer.batch_first)
        return out(torch.tanh(y)), hx

    answer = run(layer, case, call)
    return answer | {"out": out.weight.grad if out.weight.grad is not None else "none"}


@use(2)
def on_meta(layer: nn.Module, case: Case) -> Answer:
    """Shapes and types alone."""
    g = given(case)
    with torch.no_grad():
        found = named(layer.to("meta")(*torch.utils._pytree.tree_map_only(Tensor, lambda t: t.to("meta"), g.args())))
    return {n: f"{t.dtype} {list(t.shape)} {t.device}" for n, t in found.items() if n in ("y", "state 0", "state 1")}
