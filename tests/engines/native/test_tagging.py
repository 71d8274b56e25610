"""The loss of rows of tags in the core, in every variant that is built, against torch's operations in float64."""

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
from torch.nn import functional

from recurra.engines.native import library
from recurra.engines.native.tag_paths import Rows
from recurra.engines.native.tagging import Given, tag_loss, why_not
from recurra.errors import ShapeError, UsageError
from recurra.layers.dropout import draws
from recurra.topologies import paths

if not library.variants():
    pytest.skip("no compiled library that this machine can run", allow_module_level=True)


def given(
    batch: int = 3,
    time: int = 5,
    width: int = 4,
    tags: int = 3,
    dtype: torch.dtype = torch.float64,
    share: float = 0.5,
    seed: int = 0,
) -> Given:
    """The first row as long as can be, the others of any length."""
    random = torch.Generator().manual_seed(seed)
    shapes = ((batch, time, width), (tags, width), (tags,), (tags, tags), (tags,), (tags,))
    numbers = [torch.randn(s, generator=random, dtype=torch.float64).to(dtype).requires_grad_() for s in shapes]
    chosen = torch.randint(0, tags, (batch, time), generator=random)
    lengths = torch.randint(1, time + 1, (batch,), generator=random)
    lengths[0] = time
    torch.manual_seed(seed)
    dropped = draws(batch * time * width, 1 - share, chosen.device) if share else None
    return Given(*numbers, lengths=lengths, chosen=chosen, draws=dropped)


def leaves(of: Given) -> list[Tensor]:
    return [t for t in of.numbers() if t is not None]


def by_torch(of: Given) -> Tensor:
    seen = of.y if of.draws is None else of.y * of.draws.factors(of.y.shape, of.y)
    logits = functional.linear(seen, of.weight, of.bias)
    found = paths.log_probability(Rows(logits, of.chosen, of.lengths, of.follows, of.begins, of.ends))
    return -found.sum() / of.lengths.sum()


def in_core(of: Given) -> Tensor:
    assert why_not(of) is None
    found = tag_loss(of)
    assert found is not None
    return found


def answer(way: Callable[[Given], Tensor], of: Given) -> list[Tensor]:
    """The loss and the gradients of what counts three times."""
    found = way(of)
    return [found.detach(), *torch.autograd.grad(3 * found, leaves(of))]


@every_core
@pytest.mark.parametrize("threads", [1, 3])
def test_it_is_torch_in_float64(core: str, threads: int) -> None:
    with running(core, threads):
        for batch, time, width, tags, share in (
            (1, 1, 2, 1, 0.0),
            (3, 5, 6, 4, 0.5),
            (41, 9, 34, 17, 0.3),
            (9, 2, 64, 5, 0.999),
        ):
            double = given(batch, time, width, tags, share=share)
            wanted = answer(by_torch, double)
            assert apart(answer(in_core, double), wanted) < 1e-12
            single = [t.detach().float().requires_grad_() for t in leaves(double)]
            assert apart(answer(in_core, Given(*single, *double[6:])), wanted) < 1e-4


def test_its_gradient_is_that_of_differences() -> None:
    of = given()
    assert torch.autograd.gradcheck(
        lambda *numbers: in_core(Given(*numbers, *of[6:])), leaves(of), check_batched_grad=True
    )


def test_without_bias_and_gradients() -> None:
    of = given()._replace(bias=None)
    wanted = answer(by_torch, of)
    assert apart(answer(in_core, of), wanted) < 1e-12
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            found = in_core(of)
        assert not found.requires_grad
        assert apart([found], wanted[:1]) < 1e-12


@pytest.mark.parametrize("wanted", range(6))
def test_only_what_is_asked_for_has_a_gradient(wanted: int) -> None:
    of = given()
    every = torch.autograd.grad(in_core(of), leaves(of))
    numbers = [t.detach() for t in leaves(of)]
    asked = numbers[wanted].requires_grad_()
    (found,) = torch.autograd.grad(in_core(Given(*numbers, *of[6:])), asked)
    assert torch.equal(found, every[wanted])


def test_any_number_of_threads_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    of = given(50, 12, 96, 17, torch.float32)
    check_threads(lambda: answer(in_core, of), monkeypatch)


def test_what_lies_past_a_rows_end_is_not_read() -> None:
    of = given(6, 7)
    noisy, chosen = of.y.detach().clone(), of.chosen.clone()
    for row, length in enumerate(of.lengths.tolist()):
        noisy[row, length:], chosen[row, length:] = float("nan"), 1 << 40
    found = answer(in_core, of._replace(y=noisy.requires_grad_(), chosen=chosen))
    assert all(torch.equal(a, b) for a, b in zip(found, answer(in_core, of), strict=True))
    for row, length in enumerate(of.lengths.tolist()):
        assert not found[1][row, length:].any()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e4, -1e4])
@pytest.mark.parametrize("place", range(6))
def test_extreme_numbers_are_as_torchs(value: float, place: int) -> None:
    of = given(dtype=torch.float32, share=0.0)
    with torch.no_grad():
        leaves(of)[place].view(-1)[1] = value
    found, wanted = answer(in_core, of), answer(by_torch, of)
    assert not wanted[0].isfinite() or found[0].isfinite()  # torch multiplies with what lies past a row's end, too
    if wanted[0].isfinite() and all(gradient.isfinite().all() for gradient in wanted):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_fresh_memory_is_not_read() -> None:
    of = given(9, 7, 5)
    check_fresh_memory(lambda: answer(in_core, of))


@pytest.mark.parametrize("form", FORMS)
def test_outputs_and_weights_may_lie_anyhow(form: Callable[[Tensor], Tensor]) -> None:
    of = given()
    laid = of._replace(
        y=form(of.y), weight=of.weight.mT.contiguous().mT, follows=(-(-of.follows)._neg_view())._neg_view()
    )
    plain = laid._replace(**{name: getattr(laid, name).clone() for name in ("y", "weight", "follows")})
    found = torch.autograd.grad(in_core(laid), leaves(of))
    wanted = torch.autograd.grad(by_torch(plain), leaves(of))
    assert apart(list(found), list(wanted)) < 1e-12


def test_a_tag_that_is_none_is_for_others_to_say() -> None:
    of = given()
    for tag in (-1, 3):
        chosen = of.chosen.clone()
        chosen[0, 2] = tag
        assert tag_loss(of._replace(chosen=chosen)) is None


@pytest.mark.parametrize("lengths", [[5, 0, 1], [5, 6, 1]])
def test_lengths_out_of_range_are_refused(lengths: list[int]) -> None:
    with pytest.raises(UsageError):
        tag_loss(given()._replace(lengths=torch.tensor(lengths)))


def test_what_is_changed_before_backward_changes_no_gradient() -> None:
    """Not even through numpy, which autograd does not see."""
    of = given()
    wanted = torch.autograd.grad(in_core(of), leaves(of))
    found = in_core(of)
    for tensor in (*leaves(of), of.lengths, of.chosen):
        tensor.detach().numpy().fill(0)
    gradients = torch.autograd.grad(found, leaves(of))
    assert all(torch.equal(a, b) for a, b in zip(gradients, wanted, strict=True))


@pytest.mark.parametrize(
    "hook",
    [
        lambda t: t[:-1],
        lambda t: t.view(torch.float64) if t.dtype == torch.uint8 else t,
        lambda t: torch.full_like(t, 255) if t.dtype == torch.uint8 else t,
        lambda t: t.clone().resize_(0),
    ],
)
def test_hooks_that_give_back_something_else_are_refused(hook: Callable[[Tensor], Tensor]) -> None:
    with saved_tensors_hooks(lambda t: t, hook):
        found = in_core(given())
    with pytest.raises((UsageError, ShapeError)):
        found.backward()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"weight": torch.zeros(3, 4)}, "float32"),
        ({"follows": torch.zeros(3, 3)}, "float32"),
        ({"lengths": torch.tensor([5, 2])}, "fit"),
        ({"chosen": torch.zeros(3, 5, dtype=torch.int32)}, "fit"),
        ({"y": torch.zeros(3, 0, 4, dtype=torch.float64)}, "outputs"),
        ({"bias": torch.zeros(4, dtype=torch.float64)}, "fit"),
        ({"begins": torch.zeros(2, dtype=torch.float64)}, "fit"),
        ({"weight": torch.zeros(1 << 17, 4, dtype=torch.float64)}, "weights"),
        ({"y": torch.zeros(3, 5, 4, dtype=torch.float64, device="meta")}, "CPU"),
    ],
)
def test_it_says_what_it_does_not_take(change: dict[str, Tensor], reason: str) -> None:
    assert reason in (why_not(given()._replace(**change)) or "")


def test_where_somebody_looks_on_it_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    of, reasons = given(), []

    def through(y: Tensor) -> Tensor:
        reasons.append(why_not(of._replace(y=y)))
        return y.sum()

    torch.func.grad(through)(of.y.detach())
    monkeypatch.setattr(library, "why_missing", lambda: "none is built")
    assert [*reasons, why_not(of)] == ["somebody looks on", "none is built"]


def test_a_bad_call_is_refused_not_run() -> None:
    c = library.load().c
    room = (ctypes.c_double * 64)()
    at = ctypes.addressof(room)
    lengths, chosen = (ctypes.c_int64 * 1)(1), (ctypes.c_int64 * 1)(0)
    good: dict[str, Any] = {
        "type": 1, "threads": 1, "batch": 1, "time": 1, "width": 2, "tags": 1, "y": at, "y_batch": 2, "y_time": 2,
        "lengths": ctypes.addressof(lengths), "chosen": ctypes.addressof(chosen), "weight": at, "follows": at,
        "begins": at, "ends": at, "loss": at + 256,
    }  # fmt: skip
    assert c.recurra_tagging_forward(ctypes.byref(library.TaggingCall(**good))) == library.OK
    sizes, places = ("batch", "time", "width", "tags"), ("y", "weight", "lengths", "chosen", "follows", "ends", "loss")
    for change in [
        *({name: 0} for name in (*sizes, *places)),
        {"type": 7},
        {"words": at, "bits": 9},
        {"width": 1 << 40},
    ]:
        call = library.TaggingCall(**good | change)
        assert c.recurra_tagging_forward(ctypes.byref(call)) == library.BAD_CALL, change
        if not set(change) & set(places):
            assert c.recurra_tagging_memory(ctypes.byref(call)) == -1
    for change, answer_ in (({"chosen": 1}, library.BAD_TOKENS), ({"lengths": 2}, library.BAD_LENGTHS)):
        held = [(ctypes.c_int64 * 1)(value) for value in change.values()]
        call = library.TaggingCall(**good | dict(zip(change, map(ctypes.addressof, held), strict=True)))
        assert c.recurra_tagging_forward(ctypes.byref(call)) == answer_
    short = library.TaggingCall(**good, memory=at, memory_bytes=8)
    assert c.recurra_tagging_forward(ctypes.byref(short)) == library.SHORT_MEMORY
    assert c.recurra_tagging_backward(ctypes.byref(library.TaggingCall(**good))) == library.BAD_CALL
