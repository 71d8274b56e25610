"""What forward keeps for backward is the caller's in between: it may come back moved, cut, mixed up or written over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.engines.native import calls, gradients, library
from recurra.engines.native.calls import Inputs
from recurra.engines.native.compiled import Compiled, compiled
from recurra.errors import UsageError
from tests.laws.law_cases import draw

LENGTHS = [6, 1, 4, 3]
HEAD = 96
"""Bytes at its beginning that say what a memory was made for; the lengths follow."""


def request(
    name: str = "lstm",
    dtype: torch.dtype = torch.float32,
    *,
    ragged: bool = True,
    hidden: int = 5,
    reverse: bool = False,
) -> tuple[Compiled, Inputs]:
    cell = get(name)
    sample = draw(cell, hidden=hidden, dtype=dtype)
    made = compiled(cell, bias=True, mask=False)
    weights = tuple(sample.weights[n].detach() for n in made.stored)
    lengths = torch.tensor(LENGTHS) if ragged else None
    state = tuple(s.detach() for s in sample.state)
    return made, Inputs(sample.x.detach(), None, lengths, state, weights, reverse, False)


def backward(made: Compiled, inputs: Inputs, memory: Tensor) -> list[Tensor | None]:
    batch, time, hidden = inputs.sizes
    like = inputs.weights[0]
    d_y = torch.linspace(-1, 1, batch * time * hidden, dtype=like.dtype).sin().reshape(batch, time, hidden)
    wanted = [True, False, *(True for _ in (*inputs.state, *inputs.weights))]
    return gradients.backward(made, inputs, memory, d_y, [None] * len(inputs.state), wanted)


def assert_alike(found: list[Tensor | None], expected: list[Tensor | None]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        assert one is None or other is None or torch.equal(one, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_memory_may_move_to_any_address(dtype: torch.dtype) -> None:
    made, inputs = request(dtype=dtype)
    _, _, memory = calls.forward(made, inputs, memory=True)
    assert memory is not None
    expected = backward(made, inputs, memory)
    for first in range(65):
        room = torch.full((memory.numel() + 65,), 255, dtype=torch.uint8)
        moved = room[first : first + memory.numel()]
        moved.copy_(memory)
        assert_alike(backward(made, inputs, moved), expected)
        made_there = room[first : first + memory.numel()].fill_(255)
        calls.forward(made, inputs, memory=made_there)
        assert_alike(backward(made, inputs, made_there.clone()), expected)


def test_backward_takes_the_lengths_of_forward() -> None:
    made, inputs = request()
    assert inputs.lengths is not None
    _, _, memory = calls.forward(made, inputs, memory=True)
    assert memory is not None
    expected = backward(made, inputs, memory)
    for changed in ([1, 1, 1, 1], [6, 6, 6, 6], [10**12, -1, 0, 7]):
        inputs.lengths.copy_(torch.tensor(changed))
        assert_alike(backward(made, inputs, memory), expected)


def test_a_memory_that_is_cut_is_refused() -> None:
    made, inputs = request()
    _, _, memory = calls.forward(made, inputs, memory=True)
    assert memory is not None
    assert backward(made, inputs, memory)
    needed = int(memory[24:32].view(torch.int64))
    for size in (0, 1, 8, HEAD - 1, HEAD, HEAD + 31, HEAD + 32, needed - 1):
        with pytest.raises(UsageError, match="kept for its backward pass is too short; run its forward pass again"):
            backward(made, inputs, memory[:size])
    assert backward(made, inputs, memory[:needed])


def test_a_memory_without_storage_is_refused() -> None:
    made, inputs = request()
    memory = torch.empty(100_000, dtype=torch.uint8)
    calls.forward(made, inputs, memory=memory)
    memory.untyped_storage().resize_(0)
    with pytest.raises(UsageError, match="too short"):
        backward(made, inputs, memory)


def test_forward_refuses_too_little_room() -> None:
    made, inputs = request()
    with pytest.raises(UsageError, match="too short"):
        calls.forward(made, inputs, memory=torch.empty(1000, dtype=torch.uint8))


@pytest.mark.parametrize(
    "change", [lambda m: m.float(), lambda m: m.view(torch.int32), lambda m: m.repeat_interleave(2)[::2]], ids=range(3)
)
def test_a_memory_that_is_no_longer_bytes_is_refused(change: Callable[[Tensor], Tensor]) -> None:
    made, inputs = request()
    _, _, memory = calls.forward(made, inputs, memory=True)
    assert memory is not None
    with pytest.raises(UsageError, match="no longer plain bytes on the CPU but"):
        backward(made, inputs, change(memory[: memory.numel() // 4 * 4]))


def test_every_bit_of_its_head_is_checked() -> None:
    made, inputs = request()
    _, _, memory = calls.forward(made, inputs, memory=True)
    assert memory is not None
    for place in range(HEAD + 8 * len(LENGTHS)):
        for bit in (1, 128):
            changed = memory.clone()
            changed[place] ^= bit
            with pytest.raises(UsageError, match="kept for its backward pass"):
                backward(made, inputs, changed)


def test_a_memory_of_another_call_is_refused() -> None:
    made, inputs = request()
    others = {
        "another cell's": [request("peephole-lstm"), request("gru")],
        "other sizes or types": [
            request(dtype=torch.float64),
            request(hidden=6),
            request(reverse=True),
            request(ragged=False, hidden=7),
        ],
    }
    for why, calls_before in others.items():
        for cell, given in calls_before:
            _, _, memory = calls.forward(cell, given, memory=True)
            assert memory is not None
            with pytest.raises(UsageError, match=why):
                backward(made, inputs, memory)
    with pytest.raises(UsageError, match="written over"):
        backward(made, inputs, torch.zeros(100_000, dtype=torch.uint8))


def test_a_memory_of_another_variant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    variants = library.variants()
    if len(variants) < 2:
        pytest.skip("this machine runs one variant")
    memories = []
    for name in (variants[0], variants[-1]):
        monkeypatch.setenv("RECURRA_NATIVE", name)
        library.read_environment_again()
        made, inputs = request()
        memories.append(calls.forward(made, inputs, memory=True)[2])
    with pytest.raises(UsageError, match="of another variant"):
        backward(made, inputs, memories[0])
    monkeypatch.undo()
    library.read_environment_again()
