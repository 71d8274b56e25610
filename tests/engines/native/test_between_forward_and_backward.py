"""What Python can do to tensors between forward and backward: the right gradient or an error, never a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from recurra.cells.catalogue import get
from recurra.engines.request import CellWeights, Embedded
from recurra.layers.stack import Stack
from recurra.recurrence import unroll
from tests.laws.law_cases import draw

ENGINES = ["native", "vendor", "reference"]


def gradients(y: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    return list(torch.autograd.grad(y.square().sum(), leaves, materialize_grads=True, allow_unused=True))


# numpy's memory


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("new", [1, 2, 10**12, -1], ids=str)
@pytest.mark.parametrize("engine", ENGINES)
def test_lengths_of_a_buffer_that_is_used_again(engine: str, new: int, compiled: bool) -> None:
    if compiled and (engine, new) != ("native", 10**12):
        pytest.skip("once is enough")
    torch._dynamo.reset()
    stack, x = Stack(3, 5, 2, cell="gru", bidirectional=True, engine=engine), torch.randn(3, 6, 3)
    leaves = list(stack.parameters())
    expected = gradients(stack(x, lengths=torch.tensor([6, 3, 4]))[0], leaves)
    buffer = np.array([6, 3, 4])
    run = torch.compile(stack, backend="aot_eager", fullgraph=True) if compiled else stack
    y, _ = run(x, lengths=torch.from_numpy(buffer))
    buffer[:] = new
    torch.testing.assert_close(gradients(y, leaves), expected)


@pytest.mark.parametrize("new", [0, 10**12, -1], ids=str)
@pytest.mark.parametrize("engine", ENGINES)
def test_tokens_of_a_buffer_that_is_used_again(engine: str, new: int) -> None:
    stack, table = Stack(3, 5, cell="gru", engine=engine), torch.randn(4, 3, requires_grad=True)
    leaves = [table, *stack.parameters()]
    buffer = np.array([[0, 1, 2, 3], [3, 3, 1, 0]])
    expected = gradients(stack(Embedded(torch.from_numpy(buffer.copy()), table))[0], leaves)
    y, _ = stack(Embedded(torch.from_numpy(buffer), table))
    buffer[:] = new
    torch.testing.assert_close(gradients(y, leaves), expected)


def test_numbers_of_the_operators() -> None:
    """The operators keep tokens and lengths of their own, whoever calls them."""
    stack, table = Stack(3, 5, cell="gru"), torch.randn(4, 3, requires_grad=True)
    leaves = [table, *stack.parameters()]
    tokens, lengths = np.array([[0, 1, 2, 3], [3, 3, 1, 0]]), np.array([4, 2])
    from torch.utils.flop_counter import FlopCounterMode

    expected = gradients(stack(Embedded(torch.tensor(tokens), table), lengths=torch.tensor(lengths))[0], leaves)
    with FlopCounterMode(display=False):  # somebody looks on
        y, _ = stack(Embedded(torch.from_numpy(tokens), table), lengths=torch.from_numpy(lengths))
    tokens[:], lengths[:] = 10**12, -1
    torch.testing.assert_close(gradients(y, leaves), expected)


# what autograd's counters see


@pytest.mark.parametrize("what", ["x", "state", "mask", "weight"])
def test_a_change_that_autograd_sees_is_refused(what: str) -> None:
    sample = draw(get("gru"))
    mask = torch.ones(4, 5, dtype=torch.float64)
    held = {"x": sample.x, "state": sample.state[0], "mask": mask, "weight": sample.weights["weight_hh"]}
    y, _ = unroll(
        get("gru"), CellWeights(**sample.weights), sample.x, sample.state, recurrent_mask=mask, engine="native"
    )
    with torch.no_grad():
        held[what].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


# what they do not see


def take_back(t: Tensor) -> None:
    t.untyped_storage().resize_(0)


def cut(t: Tensor) -> None:
    t.untyped_storage().resize_(8)


def shrink(t: Tensor) -> None:
    t.data = t.data[:1].clone()


def turn(t: Tensor) -> None:
    t.data = t.data.new_zeros((*reversed(t.shape), 1))


def retype(t: Tensor) -> None:
    t.data = t.data.float()


def on_meta(t: Tensor) -> None:
    t.data = torch.empty_like(t, device="meta")


@pytest.mark.parametrize("change", [take_back, cut, shrink, turn, retype, on_meta], ids=lambda f: f.__name__)
@pytest.mark.parametrize("what", ["x", "state", "mask", "weight_ih", "weight_hh", "bias_ih"])
def test_memory_that_is_gone_is_an_error(what: str, change: Callable[[Tensor], None]) -> None:
    sample = draw(get("gru"))
    mask = torch.ones(4, 5, dtype=torch.float64)
    held = {"x": sample.x, "state": sample.state[0], "mask": mask} | sample.weights
    y, _ = unroll(
        get("gru"), CellWeights(**sample.weights), sample.x, sample.state, recurrent_mask=mask, engine="native"
    )
    leaves = [sample.x, *sample.state, *sample.weights.values()]
    try:
        change(held[what])
    except (RuntimeError, TypeError):  # torch itself refuses
        return
    with pytest.raises((RuntimeError, ValueError)):
        torch.autograd.grad(y.sum(), leaves)


def test_memory_that_is_gone_before_forward_is_an_error() -> None:
    sample = draw(get("gru"))
    sample.weights["weight_hh"].untyped_storage().resize_(16)
    with pytest.raises(ValueError, match=r"a tensor \[15, 5\], torch.float64, has 16 bytes of memory left"):
        unroll(get("gru"), CellWeights(**sample.weights), sample.x, sample.state, engine="native")


# hooks on saved tensors


def oddly(t: Tensor) -> Tensor:
    """A copy that starts 1 to 63 bytes past a good place, where the type allows it."""
    raw = t.detach().contiguous().reshape(-1).view(torch.uint8)
    shift = {1: 13, 4: 12, 8: 24}[t.element_size()]
    room = torch.empty(len(raw) + 128, dtype=torch.uint8)
    start = -room.data_ptr() % 64 + shift
    place = room[start : start + len(raw)].copy_(raw)
    return place.view(t.dtype).view(t.shape)


class Compressed:
    """A tensor on disk, or as bytes."""

    def __init__(self, t: Tensor) -> None:
        self.raw, self.dtype, self.shape = t.detach().contiguous().numpy().tobytes(), t.dtype, t.shape

    def back(self) -> Tensor:
        if not self.raw:
            return torch.empty(self.shape, dtype=self.dtype)
        return torch.frombuffer(bytearray(self.raw), dtype=self.dtype).view(self.shape)


HOOKS: dict[str, Callable[[], Any]] = {
    "odd places when packed": lambda: saved_tensors_hooks(oddly, lambda t: t),
    "odd places when unpacked": lambda: saved_tensors_hooks(lambda t: t, oddly),
    "bytes": lambda: saved_tensors_hooks(Compressed, lambda c: c.back()),
    "save_on_cpu": save_on_cpu,
}


class Own(torch.Tensor):
    """A subclass: goes through the operators."""


@pytest.mark.parametrize("path", ["eager", "compiled", "subclass"])
@pytest.mark.parametrize("hooks", HOOKS)
def test_hooks_may_move_what_is_saved(hooks: str, path: str) -> None:
    if path == "compiled" and hooks != "odd places when packed":
        pytest.skip("once is enough")
    torch._dynamo.reset()
    torch.manual_seed(4)
    stack = Stack(3, 7, 2, cell="lstm", bidirectional=True)
    x, lengths = torch.randn(5, 6, 3, requires_grad=True), torch.tensor([6, 1, 3, 5, 2])
    leaves = [x, *stack.parameters()]
    expected = gradients(stack(x, lengths=lengths)[0], leaves)
    run = torch.compile(stack, backend="aot_eager", fullgraph=True) if path == "compiled" else stack
    for _ in range(4):
        with HOOKS[hooks]():
            y, _ = run(x.as_subclass(Own) if path == "subclass" else x, lengths=lengths)
            torch.testing.assert_close(gradients(y.as_subclass(Tensor), leaves), expected)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("tokens", [False, True], ids=["vectors", "tokens"])
def test_checkpointing(tokens: bool, reentrant: bool) -> None:
    stack = Stack(3, 5, 2, cell="lstm")
    source = torch.randn(4, 3, requires_grad=True) if tokens else torch.randn(2, 4, 3, requires_grad=True)
    ids, lengths = torch.tensor([[0, 1, 2, 3], [3, 3, 1, 0]]), torch.tensor([2, 4])

    def run(source: Tensor) -> Tensor:
        return stack(Embedded(ids, source) if tokens else source, lengths=lengths)[0]

    leaves = [source, *stack.parameters()]
    run(source).square().sum().backward()
    expected = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    checkpoint(run, source, use_reentrant=reentrant).square().sum().backward()
    torch.testing.assert_close([leaf.grad for leaf in leaves], expected)


def test_hooks_that_give_back_something_else() -> None:
    sample = draw(get("gru"))

    def run() -> Tensor:
        return unroll(get("gru"), CellWeights(**sample.weights), sample.x, sample.state, engine="native")[0]

    for change in (lambda t: t.half(), lambda t: t[:1], lambda t: t.to("meta")):
        with saved_tensors_hooks(lambda t: t, change):
            y = run()
            with pytest.raises((RuntimeError, ValueError)):
                torch.autograd.grad(y.sum(), list(sample.weights.values()))


def test_another_variant_between_forward_and_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    from recurra.engines.native import library

    sample = draw(get("gru"))
    leaves = list(sample.weights.values())
    expected = None
    for variant in (None, *library.variants()):
        y, _ = unroll(get("gru"), CellWeights(**sample.weights), sample.x, sample.state, engine="native")
        if variant is not None:
            monkeypatch.setenv("RECURRA_NATIVE", variant)
            library.read_environment_again()
        found = torch.autograd.grad(y.sum(), leaves)
        expected = expected or found
        torch.testing.assert_close(found, expected)
    monkeypatch.undo()
    library.read_environment_again()
