"""Scores of additive attention on every path: the core, torch's operations by chunks, and as they are written."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recurra.engines.native import library
from recurra.topologies import additive
from recurra.topologies.additive import additive_scores, by_definition
from recurra.topologies.attention import Attention

PATHS = ("core", "chunks", "written")


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What computes; its name for `engine`."""
    if request.param == "core" and library.why_missing() is not None:
        pytest.skip("no compiled library that this machine can run")
    if request.param == "chunks":
        monkeypatch.setattr(additive, "_in_core", lambda *_: False)
        monkeypatch.setattr(additive, "CHUNK_VALUES", 60)
    return "reference" if request.param == "written" else "auto"


def draw(dtype: torch.dtype = torch.float64, learned: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Queries, keys, weight and what is past."""
    torch.manual_seed(0)
    queries, keys, weight = (torch.randn(shape, dtype=dtype) for shape in ((2, 5, 6), (2, 3, 6), (6,)))
    past = torch.tensor([[False, False, True], [False, False, False]])
    return *(each.requires_grad_(learned) for each in (queries, keys, weight)), past


def finite(scores: Tensor, past: Tensor) -> Tensor:
    return scores.masked_fill(past.unsqueeze(1), 0)


def test_first_and_second_derivatives(path: str) -> None:
    *leaves, past = draw()

    def run(*given: Tensor) -> Tensor:
        return finite(additive_scores(*given, past, engine=path), past)

    assert torch.autograd.gradcheck(run, leaves, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(run, leaves)


def test_the_paths_agree(path: str) -> None:
    *leaves, past = draw()
    found = additive_scores(*leaves, past, engine=path)
    due = by_definition(*leaves, past)
    torch.testing.assert_close(found, due, rtol=1e-12, atol=1e-12)
    grown = torch.randn(due.shape, dtype=due.dtype)
    for one, other in zip(
        torch.autograd.grad(found, leaves, grown), torch.autograd.grad(due, leaves, grown), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        assert torch.equal(additive_scores(*leaves, past, engine=path), found)


@pytest.mark.parametrize(
    ("batch", "count", "positions", "width"), [(0, 2, 3, 4), (2, 0, 3, 4), (2, 2, 0, 4), (2, 2, 3, 0)]
)
def test_nothing_in_some_dimension(path: str, batch: int, count: int, positions: int, width: int) -> None:
    leaves = [
        torch.randn(shape, requires_grad=True) for shape in ((batch, count, width), (batch, positions, width), (width,))
    ]
    past = torch.zeros(batch, positions, dtype=torch.bool)
    found = additive_scores(*leaves, past, engine=path)
    torch.testing.assert_close(found, torch.zeros(batch, count, positions))
    for leaf, gradient in zip(leaves, torch.autograd.grad(found.sum(), leaves), strict=True):
        torch.testing.assert_close(gradient, torch.zeros_like(leaf))


def test_some_gradients_alone(path: str) -> None:
    queries, keys, weight, past = draw()
    due = torch.autograd.grad(finite(by_definition(queries, keys, weight, past), past).sum(), keys)[0]
    found = additive_scores(queries.detach(), keys, weight.detach(), past, engine=path)
    torch.testing.assert_close(torch.autograd.grad(finite(found, past).sum(), keys)[0], due)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own, of forward mode
def test_transforms_go_through_torchs_operations() -> None:
    queries, keys, weight, past = draw(learned=False)

    def run(*given: Tensor) -> Tensor:
        return finite(additive_scores(*given, past), past)

    due = by_definition(queries, keys, weight, past)
    batched = torch.vmap(additive_scores)(*(torch.stack([each, each]) for each in (queries, keys, weight, past)))
    torch.testing.assert_close(batched, torch.stack([due, due]))
    tangent = torch.ones_like(queries)
    _, moved = torch.func.jvp(lambda given: run(given, keys, weight), (queries,), (tangent,))
    slopes = torch.func.grad(lambda given: run(given, keys, weight).sum())(queries)
    torch.testing.assert_close(moved.sum(), slopes.sum())
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(queries, tangent)
        torch.testing.assert_close(torch.autograd.forward_ad.unpack_dual(run(dual, keys, weight)).tangent, moved)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_what_is_traced_has_torchs_operations_only() -> None:
    attention = Attention("additive", 4, 6).requires_grad_(False)
    memory = attention.remember(torch.randn(2, 3, 6), torch.tensor([3, 2]))
    queries = torch.randn(2, 5, 4)
    traced = torch.jit.trace(lambda given: attention(given, memory), (queries,), check_trace=False)
    assert "tanh" in str(traced.graph)
    longer = torch.randn(2, 7, 4)
    for one, other in zip(traced(longer), attention(longer, memory), strict=True):
        torch.testing.assert_close(one, other)


def test_nothing_is_kept_for_backward_but_what_was_given() -> None:
    *leaves, past = draw(torch.float32)
    kept: list[int] = []

    def note(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        additive_scores(*leaves, past)
    assert sum(kept) == sum(each.numel() for each in (*leaves, past))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_types_are_computed_in_float32(path: str, dtype: torch.dtype) -> None:
    *leaves, past = draw(dtype)
    found = additive_scores(*leaves, past, engine=path)
    assert found.dtype == dtype
    wide = [each.detach().float().requires_grad_() for each in leaves]
    due = by_definition(*wide, past)
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(found.float(), due, rtol=0, atol=eps * (8 if path == "reference" else 2))
    gradients = torch.autograd.grad(finite(found, past).sum(), leaves)
    for one, other in zip(gradients, torch.autograd.grad(finite(due, past).sum(), wide), strict=True):
        assert one.dtype == dtype
        torch.testing.assert_close(one.float(), other, rtol=0, atol=8 * eps * other.abs().max().item())


def test_under_autocast_scores_are_float32_of_rounded_queries_and_keys() -> None:
    torch.manual_seed(0)
    attention, queries, values = Attention("additive", 16, 6), torch.randn(2, 3, 16), torch.randn(2, 4, 6)
    with torch.autocast("cpu", torch.bfloat16):
        memory = attention.remember(values, torch.tensor([4, 2]))
        assert memory.keys.dtype == torch.bfloat16
        context, weights = attention(queries, memory)
        wide = attention.of_query(queries).float()
        due = by_definition(wide, memory.keys.float(), attention.weight.detach().clone(), memory.past)
    assert weights.dtype == torch.float32
    exact = by_definition(wide.detach(), memory.keys.float(), attention.weight.detach(), memory.past).softmax(-1)
    torch.testing.assert_close(weights, exact)
    assert due.dtype == torch.bfloat16  # which is what torch's own operations make of it
    context.sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in attention.parameters())


def test_keys_of_one_row_are_those_of_all() -> None:
    """As torch's operations have it."""
    queries, keys, weight, past = draw(learned=False)
    found = additive_scores(queries, keys[:1], weight, past[:1])
    due = by_definition(queries, keys[:1].expand(2, -1, -1), weight, past[:1].expand(2, -1))
    torch.testing.assert_close(found, due)


def test_what_was_changed_in_between_is_an_error(path: str) -> None:
    queries, keys, weight, past = draw()
    found = additive_scores(queries, keys * 1, weight, past, engine=path)
    with torch.no_grad():
        weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        finite(found, past).sum().backward()


def test_without_a_core_the_network_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    attention, queries, values = Attention("additive", 6, 6), torch.randn(3, 4, 6), torch.randn(3, 5, 6)
    memory = attention.remember(values, torch.tensor([5, 2, 1]))
    due = attention(queries, memory)
    monkeypatch.setenv("RECURRA_NATIVE", "off")
    library.read_environment_again()
    try:
        for one, other in zip(attention(queries, memory), due, strict=True):
            torch.testing.assert_close(one, other)
    finally:
        monkeypatch.undo()
        library.read_environment_again()
