"""Large results lie in memory that the core keeps between calls, and are tensors like any other."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import Tensor

from recurra.engines.native import library, pool
from recurra.layers.stack import Stack

pytestmark = pytest.mark.skipif(library.why_missing() is not None, reason="no compiled core")

BATCH, TIME, WIDTH = 16, 64, 32  # of float32: just as large as a result has to be


def layer() -> tuple[Stack, Tensor]:
    torch.manual_seed(1)
    return Stack(WIDTH, WIDTH, cell="gru", engine="native"), torch.randn(BATCH, TIME, WIDTH, requires_grad=True)


def is_in_pool(tensor: Tensor) -> bool:
    """torch cannot make memory larger that is not its own."""
    return not tensor.untyped_storage().resizable()


def test_large_results_are_in_the_pool() -> None:
    stack, x = layer()
    y, _ = stack(x)
    (dx,) = torch.autograd.grad(y, x, torch.ones_like(y))
    assert is_in_pool(y)
    assert is_in_pool(dx)
    assert not is_in_pool(stack(x[:1])[0])
    with torch.inference_mode():
        assert is_in_pool(stack(x)[0])


def test_their_memory_serves_again() -> None:
    stack, x = layer()
    with torch.no_grad():
        places = {stack(x)[0].data_ptr() for _ in range(20)}
        assert len(places) < 5  # what a call works in comes from there, too
        held = stack(x)[0]
        assert held.data_ptr() not in {stack(x)[0].data_ptr() for _ in range(20)}


@pytest.mark.parametrize("time_first", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_forms(dtype: torch.dtype, time_first: bool) -> None:
    core, like = library.load(), torch.empty(0, dtype=dtype)
    made = pool.sequences(core, like, BATCH, TIME, WIDTH, time_first=time_first)
    assert made.shape == (BATCH, TIME, WIDTH)
    assert made.dtype == dtype
    assert made.stride() == ((WIDTH, BATCH * WIDTH, 1) if time_first else (TIME * WIDTH, WIDTH, 1))
    assert is_in_pool(made)
    assert not made.requires_grad
    flat = pool.matrix(core, like, 512, 64)
    assert (flat.shape, flat.dtype, flat.stride()) == ((512, 64), dtype, (64, 1))
    assert is_in_pool(flat)


def test_small_ones_are_torchs_own_in_the_same_form() -> None:
    core, like = library.load(), torch.empty(0)
    assert not is_in_pool(pool.matrix(core, like, 2, 3))
    made = pool.sequences(core, like, 2, 3, 4, time_first=True)
    assert (made.shape, made.stride()) == ((2, 3, 4), (4, 8, 1))
    assert not is_in_pool(made)


def test_too_large_a_result_is_an_error() -> None:
    with pytest.raises(MemoryError, match="bytes for what a layer gives"):
        pool.matrix(library.load(), torch.empty(0), 1 << 40, 1 << 10)


def test_they_are_changed_kept_and_sent_like_any_tensor() -> None:
    stack, x = layer()
    y, _ = stack(x)
    expected = y.detach().clone()
    file = io.BytesIO()
    torch.save(y.detach(), file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=True), expected)
    assert torch.equal(copy.deepcopy(y.detach()), expected)
    assert torch.equal(y.detach().share_memory_(), expected)
    with pytest.raises(RuntimeError, match="resize"):
        y.detach().resize_(BATCH, TIME, 2 * WIDTH)
    assert torch.equal(y, expected)
    y.mul_(2)  # autograd lets it, for it is no view
    y.sum().backward()
    other, again = layer()
    (2 * other(again)[0]).sum().backward()
    assert torch.equal(y, 2 * expected)
    assert x.grad is not None
    assert again.grad is not None
    assert torch.equal(x.grad, again.grad)


def test_a_result_outlives_the_emptied_cache() -> None:
    stack, x = layer()
    with torch.no_grad():
        y = stack(x)[0]
        expected = y.clone()
        library.empty_cache()
        stack(x.flip(1))
    assert torch.equal(y, expected)
