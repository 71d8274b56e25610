"""Rows of tags in the core, in every variant that is built, against torch's operations in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from cores import every_core, running
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from recurra.engines.native import library
from recurra.engines.native.tag_paths import MOST_TAGS, Rows, log_probability, why_not
from recurra.errors import ShapeError, UsageError
from recurra.topologies import paths
from recurra.topologies.paths import IMPOSSIBLE, Transitions

if not library.variants():
    pytest.skip("no compiled library that this machine can run", allow_module_level=True)


def rows(batch: int = 3, time: int = 5, tags: int = 4, dtype: torch.dtype = torch.float64, seed: int = 0) -> Rows:
    """The first as long as can be, the others of any length."""
    random = torch.Generator().manual_seed(seed)
    shapes = ((batch, time, tags), (tags, tags), (tags,), (tags,))
    logits, *scores = [2 * torch.randn(s, generator=random, dtype=torch.float64).to(dtype) for s in shapes]
    chosen = torch.randint(0, tags, (batch, time), generator=random)
    lengths = torch.randint(1, time + 1, (batch,), generator=random)
    lengths[0] = time
    return Rows(logits.requires_grad_(), chosen, lengths, *(score.requires_grad_() for score in scores))


def leaves(given: Rows) -> list[Tensor]:
    return [given.logits, given.follows, given.begins, given.ends]


def answer(way: Callable[[Rows], Tensor | None], given: Rows) -> list[Tensor]:
    """The values, and the gradients where each row counts otherwise."""
    found = way(given)
    assert found is not None
    weights = torch.linspace(-1, 2, len(found), dtype=found.dtype)
    return [found.detach(), *torch.autograd.grad((weights * found).sum(), leaves(given))]


def largest(found: list[Tensor], wanted: list[Tensor]) -> float:
    pairs = zip(found, wanted, strict=True)
    return max(float(((a - b).abs() / b.abs().clamp(min=1)).max()) for a, b in pairs)


@every_core
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("tags", [1, 2, 7, 8, 9, 17, 33])
def test_it_is_torch_in_float64(core: str, threads: int, tags: int) -> None:
    with running(core, threads):
        for batch, time in ((1, 1), (3, 5), (40, 21)):
            given = rows(batch, time, tags)
            wanted = answer(paths.log_probability, given)
            assert largest(answer(log_probability, given), wanted) < 1e-12
            single = Rows(*(t.detach().float().requires_grad_() if t.is_floating_point() else t for t in given))
            assert largest([t.double() for t in answer(log_probability, single)], wanted) < 2e-5


def test_its_gradient_is_that_of_differences() -> None:
    given = rows()

    def of(*scores: Tensor) -> Tensor:
        found = log_probability(
            given._replace(**dict(zip(("logits", "follows", "begins", "ends"), scores, strict=True)))
        )
        assert found is not None
        return found

    assert torch.autograd.gradcheck(of, leaves(given), check_batched_grad=True)


def test_without_gradients_it_is_the_same() -> None:
    given = rows()
    learned = log_probability(given)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            found = log_probability(given)
        assert found is not None
        assert learned is not None
        assert not found.requires_grad
        assert torch.equal(found, learned.detach())


def test_any_number_of_threads_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    core, given, found = library.load().c, rows(50, 30, 17, torch.float32), []
    core.recurra_threads_as_asked(1)
    try:
        for count in (1, 2, 5):
            monkeypatch.setattr(torch, "get_num_threads", lambda count=count: count)
            found.append(answer(log_probability, given))
    finally:
        core.recurra_threads_as_asked(0)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_what_lies_past_a_rows_end_is_not_read() -> None:
    given = rows(4, 6, 5)
    logits, chosen = given.logits.detach().clone(), given.chosen.clone()
    for row, length in enumerate(given.lengths.tolist()):
        logits[row, length:], chosen[row, length:] = float("nan"), 1 << 40
    noisy = given._replace(logits=logits.requires_grad_(), chosen=chosen)
    found, wanted = answer(log_probability, noisy), answer(log_probability, given)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    for row, length in enumerate(given.lengths.tolist()):
        assert not found[1][row, length:].any()


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf"), 3e38, -3e38, IMPOSSIBLE])
@pytest.mark.parametrize("place", range(4))
def test_extreme_scores_are_as_torchs(score: float, place: int) -> None:
    given = rows(dtype=torch.float32)
    with torch.no_grad():
        leaves(given)[place].view(-1)[1] = score
    found, wanted = answer(log_probability, given), answer(paths.log_probability, given)
    torch.testing.assert_close(found[0], wanted[0], equal_nan=True, atol=1e-4, rtol=1e-4)
    if all(gradient.isfinite().all() for gradient in wanted):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    else:  # torch multiplies with what lies past a row's end, too
        assert not all(gradient.isfinite().all() for gradient in found)


def test_fresh_memory_is_not_read() -> None:
    torch.use_deterministic_algorithms(True)  # torch fills what it hands out
    core, given = library.load().c, rows(9, 7, 5)
    try:
        wanted = answer(log_probability, given)
        core.recurra_fill_nan(1)
        found = answer(log_probability, given)
    finally:
        core.recurra_fill_nan(0)
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize(
    "form", [lambda t: t.mT.contiguous().mT, lambda t: t.expand(4, *t.shape)[2], lambda t: (-t)._neg_view()]
)
def test_scores_may_lie_anyhow(form: Callable[[Tensor], Tensor]) -> None:
    given = rows()
    laid = given._replace(logits=form(given.logits), follows=form(given.follows))
    assert largest(answer_of(laid, given), answer(paths.log_probability, given)) < 1e-12


def answer_of(given: Rows, of: Rows) -> list[Tensor]:
    """As `answer`, gradients of other leaves."""
    found = log_probability(given)
    assert found is not None
    weights = torch.linspace(-1, 2, len(found), dtype=found.dtype)
    return [found.detach(), *torch.autograd.grad((weights * found).sum(), leaves(of))]


@pytest.mark.parametrize(
    "change",
    [
        {"chosen": torch.full((3, 5), 4)},
        {"chosen": torch.full((3, 5), -1)},
        {"lengths": torch.tensor([5, 0, 1])},
        {"lengths": torch.tensor([5, 6, 1])},
    ],
    ids=str,
)
def test_tags_and_lengths_out_of_range_are_refused(change: dict[str, Tensor]) -> None:
    with pytest.raises(UsageError):
        log_probability(rows()._replace(**change))


def test_what_is_changed_before_backward_changes_no_gradient() -> None:
    """Not even through numpy, which autograd does not see."""
    given = rows()
    wanted = answer(log_probability, given)[1:]
    found = log_probability(given)
    assert found is not None
    for tensor in given:
        tensor.detach().numpy().fill(0)
    gradients = torch.autograd.grad((torch.linspace(-1, 2, 3, dtype=torch.float64) * found).sum(), leaves(given))
    assert all(torch.equal(a, b) for a, b in zip(gradients, wanted, strict=True))


@pytest.mark.parametrize(
    "hook",
    [
        lambda t: t[:-1],
        lambda t: t.view(torch.float64),
        lambda t: torch.full_like(t, 255),
        lambda t: t.clone().resize_(0),
    ],
)
def test_hooks_that_give_back_something_else_are_refused(hook: Callable[[Tensor], Tensor]) -> None:
    with saved_tensors_hooks(lambda t: t, hook):
        found = log_probability(rows())
    assert found is not None
    with pytest.raises((UsageError, ShapeError)):
        found.sum().backward()


@pytest.mark.parametrize(
    "given",
    [
        rows()._replace(follows=torch.zeros(4, 4)),
        rows(dtype=torch.bfloat16),
        rows()._replace(lengths=torch.tensor([5, 2])),
        rows()._replace(chosen=torch.zeros(3, 5, dtype=torch.int32)),
        rows()._replace(logits=torch.zeros(3, 0, 4, dtype=torch.float64), chosen=torch.zeros(3, 0, dtype=torch.int64)),
        Rows(*(t.to("meta") for t in rows())),
    ],
)
def test_it_says_what_it_does_not_take(given: Rows) -> None:
    assert log_probability(given) is None
    assert why_not(given) is not None


def test_more_tags_than_the_core_takes() -> None:
    given = rows()._replace(logits=torch.zeros(1, 1, MOST_TAGS + 1, dtype=torch.float64))
    assert str(MOST_TAGS) in (why_not(given) or "")


def test_where_somebody_looks_on_torch_answers() -> None:
    given, reasons = rows(), []

    def of(logits: Tensor) -> Tensor:
        reasons.append(why_not(given._replace(logits=logits)))
        return logits.sum()

    torch.func.grad(of)(given.logits.detach())
    assert reasons == ["somebody looks on"]


def test_without_a_core_torch_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    given, model = rows(), Transitions(4, learned=True).double()
    wanted = model.log_probability(given.logits, given.chosen, given.lengths)
    monkeypatch.setattr(library, "why_missing", lambda: "none is built")
    torch.testing.assert_close(model.log_probability(given.logits, given.chosen, given.lengths), wanted)
