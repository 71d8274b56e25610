"""The loss of classes in the core, in every variant that is built, against torch's operations in float64."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pytest
import torch
from cores import every_core, running
from losses import FORMS, apart, check_fresh_memory, check_threads
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from recurra.engines.native import library
from recurra.engines.native.readout import HIGHEST, LAST, MEAN, Given, How, by_torch, class_loss, why_not
from recurra.errors import ShapeError, UsageError
from recurra.layers.dropout import draws

if not library.variants():
    pytest.skip("no compiled library that this machine can run", allow_module_level=True)

ALL = LAST | MEAN | HIGHEST


def given(
    batch: int = 3,
    time: int = 5,
    width: int = 4,
    classes: int = 3,
    parts: int = ALL,
    dtype: torch.dtype = torch.float64,
    share: float = 0.5,
    seed: int = 0,
) -> Given:
    """The first row as long as can be, the others of any length; with some outputs that are as high as others."""
    random, count = torch.Generator().manual_seed(seed), parts.bit_count()
    shapes = ((batch, time, width), (classes, count * width), (classes,), (classes,))
    y, weight, bias, shift = [torch.randn(s, generator=random, dtype=torch.float64).to(dtype) for s in shapes]
    y = (2 * y).round() / 2
    lengths = torch.randint(1, time + 1, (batch,), generator=random)
    lengths[0] = time
    targets = torch.randint(0, classes, (batch,), generator=random)
    torch.manual_seed(seed)
    dropped = draws(batch * count * width, 1 - share, y.device) if share else None
    leaves = [t.requires_grad_() for t in (y, weight, bias)]
    return Given(leaves[0], leaves[1], leaves[2], lengths, targets, shift.requires_grad_(), dropped)


def leaves(of: Given) -> list[Tensor]:
    return [t for t in (of.y, of.weight, of.bias, of.shift) if t is not None]


def answer(way: Callable[[Given, How], Tensor], of: Given, how: How) -> list[Tensor]:
    """The loss and the gradients of what counts three times."""
    found = way(of, how)
    return [found.detach(), *torch.autograd.grad(3 * found, leaves(of))]


def in_core(of: Given, how: How) -> Tensor:
    assert why_not(of, how) is None
    return class_loss(of, how)


@every_core
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("parts", range(1, 8))
def test_it_is_torch_in_float64(core: str, threads: int, parts: int) -> None:
    with running(core, threads):
        for batch, time, width, classes, share in (
            (1, 1, 2, 1, 0.0),
            (3, 5, 6, 4, 0.5),
            (41, 7, 34, 18, 0.3),
            (9, 2, 64, 5, 0.999),
        ):
            double = given(batch, time, width, classes, parts, share=share)
            for how in (How(parts, 1), How(parts, 2, 0.1)):
                wanted = answer(by_torch, double, how)
                assert apart(answer(in_core, double, how), wanted) < 1e-12
                single = of_type(double, torch.float32)
                assert apart(answer(in_core, single, how), wanted) < 1e-4


def of_type(of: Given, dtype: torch.dtype) -> Given:
    y, weight, bias, shift = [t.detach().to(dtype).requires_grad_() for t in leaves(of)]
    return of._replace(y=y, weight=weight, bias=bias, shift=shift)


def test_its_gradient_is_that_of_differences_twice_too() -> None:
    random = given(share=0.5)
    y = torch.randn(3, 5, 4, dtype=torch.float64, requires_grad=True)  # none as high as another

    def of(y: Tensor, weight: Tensor, bias: Tensor, shift: Tensor) -> Tensor:
        return in_core(random._replace(y=y, weight=weight, bias=bias, shift=shift), How(ALL, 2, 0.1))

    inputs = (y, *leaves(random)[1:])
    assert torch.autograd.gradcheck(of, inputs, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(of, inputs)


def test_without_bias_shift_and_gradients() -> None:
    alone = given()._replace(bias=None, shift=None)
    wanted = answer(by_torch, alone, How(ALL, 1))
    assert apart(answer(in_core, alone, How(ALL, 1)), wanted) < 1e-12
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            found = in_core(alone, How(ALL, 1))
        assert not found.requires_grad
        assert apart([found], wanted[:1]) < 1e-12


@pytest.mark.parametrize("wanted", range(4))
def test_only_what_is_asked_for_has_a_gradient(wanted: int) -> None:
    of = given()
    every = torch.autograd.grad(in_core(of, How(ALL, 1)), leaves(of))
    y, weight, bias, shift = [t.detach() for t in leaves(of)]
    asked = [y, weight, bias, shift][wanted].requires_grad_()
    (found,) = torch.autograd.grad(in_core(of._replace(y=y, weight=weight, bias=bias, shift=shift), How(ALL, 1)), asked)
    assert torch.equal(found, every[wanted])


def test_any_number_of_threads_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    of = given(50, 12, 96, 18, dtype=torch.float32)
    check_threads(lambda: answer(in_core, of, How(ALL, 2)), monkeypatch)


def test_what_lies_past_a_rows_end_is_not_read() -> None:
    of = given(6, 7)
    noisy = of.y.detach().clone()
    for row, length in enumerate(of.lengths.tolist()):
        noisy[row, length:] = float("nan")
    found = answer(in_core, of._replace(y=noisy.requires_grad_()), How(ALL, 2))
    assert all(torch.equal(a, b) for a, b in zip(found, answer(in_core, of, How(ALL, 2)), strict=True))
    for row, length in enumerate(of.lengths.tolist()):
        assert not found[1][row, length:].any()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e30, -1e30])
@pytest.mark.parametrize("place", range(3))
def test_extreme_numbers_are_as_torchs(value: float, place: int) -> None:
    of = given(dtype=torch.float32, share=0.0)
    with torch.no_grad():
        leaves(of)[place].view(-1)[0] = value
    found, wanted = (answer(way, of, How(ALL, 1)) for way in (in_core, by_torch))
    assert bool(found[0].isfinite()) == bool(wanted[0].isfinite())
    if wanted[0].isfinite() and all(gradient.isfinite().all() for gradient in wanted):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_fresh_memory_is_not_read() -> None:
    of = given(9, 7, 5)
    check_fresh_memory(lambda: answer(in_core, of, How(ALL, 1)))


@pytest.mark.parametrize("form", FORMS)
def test_outputs_and_weights_may_lie_anyhow(form: Callable[[Tensor], Tensor]) -> None:
    of = given()
    weight = (-of.weight)._neg_view() if form(of.y).is_neg() else of.weight.mT.contiguous().mT
    laid = of._replace(y=form(of.y), weight=weight)
    found = torch.autograd.grad(in_core(laid, How(ALL, 2)), leaves(of))
    sign = -1.0 if form(of.y).is_neg() else 1.0
    plain = of._replace(y=sign * sign * form(of.y).clone(), weight=weight.clone())
    wanted = torch.autograd.grad(by_torch(plain, How(ALL, 2)), leaves(of))
    assert apart(list(found), list(wanted)) < 1e-12


@pytest.mark.parametrize(
    "change",
    [
        {"targets": torch.tensor([0, 3, 0])},
        {"targets": torch.tensor([0, -1, 0])},
        {"lengths": torch.tensor([5, 0, 1])},
        {"lengths": torch.tensor([5, 6, 1])},
    ],
    ids=str,
)
def test_targets_and_lengths_out_of_range_are_refused(change: dict[str, Tensor]) -> None:
    with pytest.raises(UsageError):
        in_core(given()._replace(**change), How(ALL, 1))


def test_what_is_changed_before_backward() -> None:
    """Where autograd sees it, it says so; lengths, targets and weights that numpy changes change no gradient."""
    of = given()
    wanted = torch.autograd.grad(in_core(of, How(ALL, 1)), leaves(of))
    found = in_core(of, How(ALL, 1))
    for tensor in (of.lengths, of.targets, of.weight.detach()):
        tensor.numpy().fill(0)
    gradients = torch.autograd.grad(found, leaves(of))
    assert all(torch.equal(a, b) for a, b in zip(gradients, wanted, strict=True))
    of = given()
    y = of.y * 1
    found = in_core(of._replace(y=y), How(ALL, 1))
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        found.backward()


@pytest.mark.parametrize(
    "hook",
    [
        lambda t: t[:-1] if t.dim() else t,
        lambda t: t.view(torch.float64) if t.dtype == torch.uint8 else t,
        lambda t: torch.full_like(t, 255) if t.dtype == torch.uint8 else t,
        lambda t: t.clone().resize_(0) if t.dtype == torch.uint8 else t,
        lambda t: t.float() if t.dim() == 3 else t,
    ],
)
def test_hooks_that_give_back_something_else_are_refused(hook: Callable[[Tensor], Tensor]) -> None:
    with saved_tensors_hooks(lambda t: t, hook):
        found = in_core(given(), How(ALL, 1))
    with pytest.raises((UsageError, ShapeError)):
        found.backward()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"weight": torch.zeros(3, 12)}, "float32"),
        ({"lengths": torch.tensor([5, 2])}, "fit"),
        ({"targets": torch.zeros(3, dtype=torch.int32)}, "fit"),
        ({"y": torch.zeros(3, 0, 4, dtype=torch.float64)}, "outputs"),
        ({"bias": torch.zeros(4, dtype=torch.float64)}, "fit"),
        ({"weight": torch.zeros(1 << 16, 12, dtype=torch.float64)}, "weights"),
        ({"y": torch.zeros(3, 5, 4, dtype=torch.float64, device="meta")}, "CPU"),
    ],
)
def test_it_says_what_it_does_not_take(change: dict[str, Tensor], reason: str) -> None:
    assert reason in (why_not(given()._replace(**change), How(ALL, 1)) or "")


def test_where_somebody_looks_on_it_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    of, reasons = given(), []

    def through(y: Tensor) -> Tensor:
        reasons.append(why_not(of._replace(y=y), How(ALL, 1)))
        return y.sum()

    torch.func.grad(through)(of.y.detach())
    monkeypatch.setattr(library, "why_missing", lambda: "none is built")
    assert [*reasons, why_not(of, How(ALL, 1))] == ["somebody looks on", "none is built"]


def test_a_bad_call_is_refused_not_run() -> None:
    c = library.load().c
    room = (ctypes.c_double * 64)()
    at = ctypes.addressof(room)
    lengths, targets = (ctypes.c_int64 * 1)(1), (ctypes.c_int64 * 1)(0)
    good: dict[str, Any] = {
        "type": 1, "threads": 1, "parts": ALL, "directions": 1, "batch": 1, "time": 1, "width": 2, "classes": 1,
        "y": at, "y_batch": 2, "y_time": 2, "lengths": ctypes.addressof(lengths), "weight": at,
        "targets": ctypes.addressof(targets), "loss": at + 256,
    }  # fmt: skip
    assert c.recurra_readout_forward(ctypes.byref(library.ReadoutCall(**good))) == library.OK
    bad = [
        {name: 0}
        for name in ("parts", "directions", "batch", "time", "width", "classes", "y", "weight", "targets", "loss")
    ]
    for change in [*bad, {"type": 7}, {"parts": 8}, {"directions": 2, "width": 3}, {"words": at, "bits": 9}]:
        call = library.ReadoutCall(**good | change)
        assert c.recurra_readout_forward(ctypes.byref(call)) == library.BAD_CALL, change
        if set(change) - {"weight", "targets", "loss"}:
            assert c.recurra_readout_memory(ctypes.byref(call)) == -1
    short = library.ReadoutCall(**good, memory=at, memory_bytes=8)
    assert c.recurra_readout_forward(ctypes.byref(short)) == library.SHORT_MEMORY
    assert c.recurra_readout_backward(ctypes.byref(library.ReadoutCall(**good))) == library.BAD_CALL
