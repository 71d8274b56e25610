"""A stream steps through numbers in memory, and says so where there are none."""

from __future__ import annotations

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.autograd import forward_ad

from recurra.errors import ShapeError
from recurra.layers.stack import Stack

REFUSES = "a stream steps through numbers in memory"


def made() -> Stack:
    torch.manual_seed(0)
    return Stack(3, 5, cell="lstm", engine="native")


def test_signs_and_strides() -> None:
    stream, other, x = made().stream(2), made().stream(2), torch.randn(2, 3)
    for given in (torch._neg_view(-x), x.T.contiguous().T, torch.stack([x, x], -1)[..., 0]):
        torch.testing.assert_close(stream.step(given), other.step(x), rtol=0, atol=0)


def test_tensors_without_numbers() -> None:
    stream = made().stream(2)
    with FakeTensorMode() as mode:
        fake = mode.from_tensor(torch.zeros(2, 3))
    with pytest.raises((NotImplementedError, ShapeError)):
        stream.step(fake)
    with FakeTensorMode(), pytest.raises(NotImplementedError, match=REFUSES):
        stream.step(torch.zeros(2, 3))
    gone = torch.zeros(2, 3)
    gone.untyped_storage().resize_(0)
    with pytest.raises(ShapeError, match="has 0 bytes of memory left"):
        stream.step(gone)
    with pytest.raises(ShapeError):
        stream.step(torch.zeros(2, 3, device="meta"))


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_nobody_may_look_on() -> None:
    stream, x = made().stream(2), torch.randn(2, 3)
    with pytest.raises(NotImplementedError, match=REFUSES):
        torch.func.vmap(stream.step)(torch.stack([x, x]))
    with forward_ad.dual_level(), pytest.raises(NotImplementedError, match=REFUSES):
        stream.step(forward_ad.make_dual(x, x))
    with pytest.raises(NotImplementedError, match=REFUSES):
        torch.jit.trace(stream.step, x, check_trace=False)


def test_states_that_do_not_fit() -> None:
    stream = made().stream(2)
    h, c = stream.state
    for wrong in ((h,), (h, c[:, :1]), (h, c.long()), (h, c.to(torch.complex64)), (h, c.to("meta"))):
        with pytest.raises((ShapeError, ValueError)):
            stream.state = wrong
    torch.testing.assert_close(stream.state, (h, c))
