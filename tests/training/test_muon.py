"""Muon: each gate's step turns all directions alike, the rest is AdamW's, and its state is put back as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from fakes import plain
from torch import Tensor, nn

from recurra.layers.stack import Stack
from recurra.training import checkpoint as checkpoints
from recurra.training import muon
from recurra.training.checkpoint import Counters
from recurra.training.muon import EVERY, MOMENTUM, SIZE, Muon, gates_of, orthogonal
from recurra.training.optimizer import optimizer_of


class Small(nn.Module):
    """Recurrent layers and an output."""

    def __init__(self, **given: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stack = Stack(5, 8, cell="lstm", **given)
        self.head = nn.Linear(self.stack.output_size, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stack(x)[0])


def learned(network: Small, optimizer: torch.optim.Optimizer, seed: int) -> None:
    """One step on a batch of a seed."""
    x = torch.randn(4, 6, 5, generator=torch.Generator().manual_seed(seed))
    optimizer.zero_grad()
    network(x).square().mean().backward()
    optimizer.step()


def test_singular_values_are_about_one() -> None:
    found = torch.linalg.svdvals(orthogonal(torch.randn(3, 6, 20)))
    assert found.shape == (3, 6)
    assert float(found.min()) > 0.6
    assert float(found.max()) < 1.3


def test_singular_values_from_a_hundredth_of_the_norm_become_about_one() -> None:
    torch.manual_seed(0)
    left, right = (torch.linalg.qr(torch.randn(24, 24))[0] for _ in range(2))
    wanted = torch.logspace(-1.5, 0, 24)
    given = left @ torch.diag(wanted / wanted.norm()) @ right
    assert 0.01 < float(torch.linalg.svdvals(given).min()) < 0.02
    found = torch.linalg.svdvals(orthogonal(3e4 * given[None]))
    assert float(found.min()) > 0.7
    assert float(found.max()) < 1.3


def test_products_of_bfloat16_turn_all_directions_alike_too() -> None:
    torch.manual_seed(0)
    given = torch.randn(2, 32, 48)
    found, exact = orthogonal(given, torch.bfloat16), orthogonal(given)
    assert found.dtype == torch.float32
    assert float((found - exact).norm() / exact.norm()) < 0.02
    values = torch.linalg.svdvals(found)
    assert 0.65 < float(values.min()) < float(values.max()) < 1.35


def test_the_precision_of_a_training_is_that_of_its_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon, "_has_halves", lambda _: True)
    steps = {}
    for precision in ("32", "bf16"):
        network = Small()
        before = network.stack.weight_hh_l0.detach().clone()
        learned(network, optimizer_of(network, plain(optimizer="muon", precision=precision)), 0)
        steps[precision] = network.stack.weight_hh_l0.detach() - before
    apart = float((steps["bf16"] - steps["32"]).norm() / steps["32"].norm())
    assert 1e-4 < apart < 0.05


def test_a_matrix_of_one_gate_is_stepped_as_torch_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own takes five iterations of other coefficients, in bfloat16, of three digits."""
    monkeypatch.setattr(muon, "COEFFICIENTS", 5 * ((3.4445, -4.7750, 2.0315),))
    for shape in ((6, 20), (20, 6), (8, 8)):
        torch.manual_seed(0)
        mine, theirs = (nn.Parameter(torch.ones(shape)) for _ in range(2))
        one = Muon([{"params": [mine], "gates": 1, "weight_decay": 0.1}], 0.1)
        other = torch.optim.Muon([theirs], lr=0.1, weight_decay=0.1, momentum=MOMENTUM, adjust_lr_fn="match_rms_adamw")
        for _ in range(3):
            mine.grad = torch.randn(shape)
            theirs.grad = mine.grad.clone()
            one.step()
            other.step()
        apart, far = (mine - theirs).detach().norm(), (1 - theirs).detach().norm()
        assert float(apart / far) < 0.02, shape


def test_gates_are_turned_one_by_one() -> None:
    network = Small(num_layers=2, bidirectional=True)
    before = {name: value.clone() for name, value in network.named_parameters()}
    optimizer = optimizer_of(network, plain(optimizer="muon", learning_rate=0.01))
    learned(network, optimizer, 0)
    gates = gates_of(network)
    assert len(gates) == 8
    assert set(gates.values()) == {4}
    for name, value in network.named_parameters():
        change = (before[name] - value.detach()) / 0.01
        if name not in gates:  # AdamW's first step is one of the learning rate in every value
            assert torch.allclose(change.abs(), torch.ones_like(change), atol=0.02), name
            continue
        assert value.grad is not None
        pairs = list(zip(change.view(4, 8, -1), value.grad.view(4, 8, -1), strict=True))
        assert not any(gate.any() for gate, _ in pairs[::EVERY]), name
        for gate, gradient in pairs[1::EVERY]:
            upright = gradient if gradient.shape[0] <= gradient.shape[1] else gradient.mT
            turned = orthogonal(upright[None])[0]
            expected = EVERY * SIZE * max(gate.shape) ** 0.5 * (turned if upright is gradient else turned.mT)
            assert torch.allclose(gate, expected, atol=2e-3), name


def test_gates_take_turns_and_one_alone_is_turned_at_every_step() -> None:
    network = Small()
    optimizer = optimizer_of(network, plain(optimizer="muon"))
    weight, moved = network.stack.weight_hh_l0, []
    for step in range(2 * EVERY):
        before = weight.detach().clone()
        learned(network, optimizer, step)
        moved.append((weight.detach() != before).view(4, -1).any(1).tolist())
    assert moved == [[gate % EVERY == step % EVERY for gate in range(4)] for step in range(1, 2 * EVERY + 1)]
    one = nn.Parameter(torch.ones(4, 6))
    alone = Muon([{"params": [one], "gates": 1}], 0.1)
    for _ in range(3):
        before, one.grad = one.detach().clone(), torch.randn(4, 6)
        alone.step()
        assert (one != before).any()


def test_frozen_weights_and_groups_of_heads() -> None:
    network = Small(heads=2)
    assert gates_of(network) == {"stack.weight_ih_l0": 4, "stack.weight_hh_l0": 4}
    network.stack.weight_ih_l0.requires_grad_(False)
    before = network.stack.weight_ih_l0.clone()
    learned(network, optimizer_of(network, plain(optimizer="muon")), 0)
    assert torch.equal(before, network.stack.weight_ih_l0)


def test_what_it_keeps_is_put_back_and_it_goes_on_bit_for_bit() -> None:
    network = Small()
    optimizer = optimizer_of(network, plain(optimizer="muon"))
    for step in range(3):
        learned(network, optimizer, step)
    saved = checkpoints.take(Counters(step=3, step_in_epoch=3), network, optimizer, None, {})
    assert any(key.endswith("momentum_buffer") for key in saved.tensors)
    learned(network, optimizer, 3)
    other = Small()
    fresh = optimizer_of(other, plain(optimizer="muon"))
    checkpoints.restore(saved, other, fresh, torch.device("cpu"))
    learned(other, fresh, 3)
    for name, value in network.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
    del saved.tensors[next(key for key in saved.tensors if key.endswith("momentum_buffer"))]
    with pytest.raises(checkpoints.ModelFolderError):
        checkpoints.restore(saved, other, fresh, torch.device("cpu"))
