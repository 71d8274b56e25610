"""Weights and learned initial states that are made of other tensors: functional calls, parametrisations, pruning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune, weight_norm

from recurra.errors import ShapeError, UsageError
from recurra.layers.dropins import GRU
from recurra.layers.stack import Stack


class Doubled(nn.Module):
    def forward(self, w: Tensor) -> Tensor:
        return 2 * w

    def right_inverse(self, w: Tensor) -> Tensor:
        return w / 2


class LowRank(nn.Module):
    """A frozen weight and a learned change of rank 2."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.randn(rows, 2) / 4), nn.Parameter(torch.randn(2, columns) / 4)

    def forward(self, w: Tensor) -> Tensor:
        return w.detach() + self.a @ self.b


def doubled(layer: nn.Module) -> nn.Module:
    return parametrize.register_parametrization(layer, "weight_hh_l0", Doubled())


def low_rank(layer: nn.Module) -> nn.Module:
    return parametrize.register_parametrization(layer, "weight_ih_l0", LowRank(15, 3))


def pruned(layer: nn.Module) -> nn.Module:
    prune.l1_unstructured(layer, "weight_hh_l0", 0.4)
    prune.ln_structured(layer, "weight_ih_l0", 0.4, n=2, dim=0)
    return layer


CHANGES: tuple[Callable[[nn.Module], nn.Module], ...] = (
    doubled,
    low_rank,
    pruned,
    lambda layer: weight_norm(layer, "weight_hh_l0"),
    lambda layer: parametrizations.weight_norm(layer, "weight_ih_l0"),
    lambda layer: parametrizations.orthogonal(layer, "weight_hh_l0"),
    lambda layer: parametrizations.spectral_norm(layer.eval(), "weight_hh_l0"),
)


def answer(layer: nn.Module, x: Tensor) -> dict[str, Tensor]:
    y, h = layer(x)
    found = {"y": y.detach(), "h": h.detach()}
    (y.square().sum() + h.sum()).backward()
    return found | {n: p.grad for n, p in layer.named_parameters() if p.grad is not None}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("change", CHANGES)
def test_made_weights_give_torchs_numbers_and_gradients(change: Any) -> None:
    found = []
    for kind in (GRU, nn.GRU):
        torch.manual_seed(1)
        layer = change(kind(3, 5))
        found.append(answer(layer, torch.randn(6, 4, 3)))
    assert found[0].keys() == found[1].keys()
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("change", [doubled, pruned])
def test_drawn_anew_as_torch_draws(change: Any) -> None:
    ours, theirs = change(GRU(3, 5)), change(nn.GRU(3, 5))
    for layer in (ours, theirs):
        torch.manual_seed(2)
        layer.reset_parameters()
    for (name, value), (same, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == same
        assert torch.equal(value, other), name


def learned(cell: str, **given: Any) -> Stack:
    layer = Stack(3, 5, 2, cell=cell, learned_state=True, **given)
    with torch.no_grad():
        for state in layer.cell.states:
            getattr(layer, f"initial_{state}").normal_()
    return layer


@pytest.mark.parametrize("engine", ["auto", "vendor", "reference"])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_initial_states_of_a_functional_call(cell: str, engine: str) -> None:
    layer, x = learned(cell, engine=engine), torch.randn(4, 6, 3)
    other = {n: (1.5 * p).detach().requires_grad_() for n, p in layer.named_parameters()}
    y, _ = torch.func.functional_call(layer, other, (x,))
    y.sum().backward()
    assert all(p.grad is None for p in layer.parameters())
    twin = learned(cell, engine=engine)
    twin.load_state_dict(other)
    z, _ = twin(x)
    z.sum().backward()
    assert torch.equal(y, z)
    for name, parameter in twin.named_parameters():
        assert torch.equal(parameter.grad, other[name].grad), name


@pytest.mark.parametrize("init", ["torch", "orthogonal"])
def test_initial_states_parametrised_and_pruned(init: Any) -> None:
    layer, x = learned("lstm", init=init), torch.randn(4, 6, 3)
    before, _ = layer(x)
    parametrize.register_parametrization(layer, "initial_h", Doubled())
    y, _ = layer(x)
    torch.testing.assert_close(y, before)
    prune.random_unstructured(layer, "initial_c", 0.5)
    layer(x)[0].sum().backward()
    learns = dict(layer.named_parameters())
    assert learns["parametrizations.initial_h.original"].grad.any()
    assert not learns["initial_c_orig"].grad[layer.initial_c_mask == 0].any()
    assert torch.equal(layer.stream(4).state[1], layer.initial_c.detach().unsqueeze(1).expand(-1, 4, -1))
    layer.reset_parameters()
    assert not layer.initial_h.any()
    assert not learns["initial_c_orig"].any()


def test_initial_states_of_a_wrong_shape() -> None:
    layer = learned("gru")
    with pytest.raises(ShapeError, match=r"expected state h \[L\*D, B, H\] = \[2, 4, 5\], got \[1, 4, 5\]"):
        torch.func.functional_call(layer, {"initial_h": torch.zeros(1, 5)}, (torch.randn(4, 6, 3),))


def test_orthogonal_weights_drawn_through_a_parametrisation() -> None:
    layer = Stack(3, 5, cell="gru", init="orthogonal")
    parametrize.register_parametrization(layer, "weight_hh_l0", Doubled())
    with torch.no_grad():
        layer.parametrizations.weight_hh_l0.original.zero_()
    layer.reset_parameters()
    for rows in layer.weight_hh_l0.detach().chunk(3):
        torch.testing.assert_close(rows @ rows.T, torch.eye(5), atol=1e-5, rtol=0)
    parametrize.register_parametrization(layer, "weight_ih_l0", LowRank(15, 3))
    with pytest.raises(UsageError, match="weight_ih_l0 cannot be initialised again through its parametrisation"):
        layer.reset_parameters()


def test_a_made_weight_is_made_once_a_call() -> None:
    class Counted(nn.Module):
        calls = 0

        def forward(self, w: Tensor) -> Tensor:
            self.calls += 1
            return w

    layer, counted = Stack(3, 5, 2, cell="gru", recurrent_dropout=0.5), Counted()
    parametrize.register_parametrization(layer, "weight_ih_l0", counted)
    counted.calls = 0
    layer(torch.randn(4, 6, 3))
    assert counted.calls == 1
