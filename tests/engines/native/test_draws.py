"""What dropout leaves, by the core: torch's numbers, on every way through autograd."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest
import torch
from cores import every_core, running
from torch.autograd.graph import saved_tensors_hooks

from recurra.engines.native import library
from recurra.errors import UsageError
from recurra.layers.dropout import draws, dropout

if not library.variants():
    pytest.skip("no compiled library that this machine can run", allow_module_level=True)

SHARES = {0.5: 1, 0.75: 8, 0.3: 16, 0.999: 32}
"""What is kept, and the bits of each number."""


@every_core
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("share", SHARES)
def test_it_is_torchs_product(core: str, threads: int, share: float) -> None:
    with running(core, threads):
        for count in (1, 7, 8, 15, 16, 33, 1024, 5003):
            for dtype in (torch.float32, torch.float64):
                x = torch.randn(count, dtype=dtype, requires_grad=True)
                found = draws(count, share, x.device)
                assert found.bits == SHARES[share]
                left, factors = found.left(x), found.factors(x.shape, x)
                assert torch.equal(left, x * factors)
                d = torch.randn(count, dtype=dtype)
                assert torch.equal(torch.autograd.grad(left, x, d)[0], d * factors)
                with torch.no_grad():
                    assert torch.equal(found.left(x), left)


def test_half_of_many_are_kept_and_neighbours_do_not_tell_of_each_other() -> None:
    torch.manual_seed(0)
    kept = draws(1 << 20, 0.5, torch.device("cpu")).kept(1 << 20, torch.empty(())).double() - 0.5
    for apart in (0, 1, 2, 8, 64):
        shared = float((kept[: len(kept) - apart] * kept[apart:]).mean() if apart else kept.mean())
        assert abs(shared) < 5 * (0.25 if apart else 0.5) / 1024


def test_derivatives_of_derivatives_and_batches_of_gradients() -> None:
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    found = draws(15, 0.5, x.device)
    assert torch.autograd.gradcheck(lambda x: found.left(x * x), x, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: found.left(x * x), x)


def test_other_layouts_and_types() -> None:
    x = torch.randn(4, 6)
    found = draws(24, 0.5, x.device)
    factors = found.factors(x.shape, x)
    for laid in (x.t().contiguous().t(), x[:, ::1], (-x)._neg_view(), x.bfloat16()):
        assert torch.equal(found.left(laid), laid * factors.to(laid.dtype))
    assert dropout(torch.zeros(0, 3), 0.5).shape == (0, 3)


@pytest.mark.parametrize("hook", [lambda t: t[:0], lambda t: t.int(), lambda t: t.clone().resize_(0)])
def test_hooks_that_give_back_something_else_are_refused(hook: Any) -> None:
    x = torch.randn(100, requires_grad=True)
    with saved_tensors_hooks(lambda t: t, hook):
        found = draws(100, 0.3, x.device).left(x)
    with pytest.raises(UsageError):
        found.sum().backward()


def test_a_bad_call_is_refused_not_run() -> None:
    c, room = library.load().c, (ctypes.c_double * 8)()
    at = ctypes.addressof(room)
    good = {"type": 1, "threads": 1, "words": at, "bits": 8, "edge": 0, "scale": 2.0, "x": at, "out": at, "count": 4}
    assert c.recurra_dropout(ctypes.byref(library.DroppingCall(**good))) == library.OK
    for change in ({"type": 5}, {"words": 0}, {"bits": 2}, {"x": 0}, {"out": 0}, {"count": 0}):
        assert c.recurra_dropout(ctypes.byref(library.DroppingCall(**good | change))) == library.BAD_CALL, change
