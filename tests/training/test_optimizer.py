"""AdamW and clipping with less to look up: torch's numbers and torch's state, bit for bit."""

from __future__ import annotations

import copy

import pytest
import torch
from fakes import plain
from torch import nn
from torch.optim import optimizer as optimizers

from recurra.training.optimizer import AdamW, clip_gradient


def trained(
    kind: type[torch.optim.AdamW], steps: int, *, load_at: int, without_at: int
) -> tuple[list[torch.Tensor], dict]:  # type: ignore[type-arg]
    """Weights and state after some steps; at one of them a saved state is loaded, at one a weight has no gradient."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
    matrices, others = [network[0].weight, network[1].weight], [network[0].bias, network[1].bias]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer, saved = kind(groups, lr=0.01, betas=(0.9, 0.99), fused=True), {}
    for step in range(steps):
        network(torch.randn(4, 3)).square().sum().backward()
        if step == without_at:
            others[0].grad = None
        if step == load_at:
            optimizer.load_state_dict(saved)
        for group in optimizer.param_groups:
            group["lr"] = 0.01 / (step + 1)
        optimizer.step()
        optimizer.zero_grad()
        if step == load_at - 2:
            saved = copy.deepcopy(optimizer.state_dict())
    return [p.detach() for p in network.parameters()], optimizer.state_dict()


def test_steps_are_torchs_whatever_happens_between_them() -> None:
    for without_at in (0, 3):
        own, own_state = trained(AdamW, 8, load_at=5, without_at=without_at)
        other, other_state = trained(torch.optim.AdamW, 8, load_at=5, without_at=without_at)
        assert all(map(torch.equal, own, other))
        assert own_state["param_groups"] == other_state["param_groups"]
        for found, expected in zip(own_state["state"].values(), other_state["state"].values(), strict=True):
            assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_hooks_and_the_profiler_hear_of_every_step_once() -> None:
    torch.optim.AdamW([nn.Parameter(torch.ones(1))])  # after which torch's own step calls hooks by itself
    heard: list[str] = []
    weight = nn.Parameter(torch.ones(2))
    optimizer = AdamW([weight], fused=True)

    def step() -> None:
        weight.grad = torch.ones(2)
        optimizer.step()

    hooks = [
        optimizer.register_step_pre_hook(lambda *_: heard.append("before")),
        optimizer.register_step_post_hook(lambda *_: heard.append("after")),
        optimizers.register_optimizer_step_pre_hook(lambda *_: heard.append("before any")),
        optimizers.register_optimizer_step_post_hook(lambda *_: heard.append("after any")),
    ]
    for _ in range(2):  # the first makes the state
        step()
    assert heard == 2 * ["before any", "before", "after", "after any"]
    for hook in hooks:
        hook.remove()
    step()
    assert len(heard) == 8
    with torch.profiler.profile() as profile:
        step()
    assert "Optimizer.step#AdamW.step" in {event.name for event in profile.events()}


def test_what_is_changed_between_steps_is_seen() -> None:
    """Weights that are replaced or added, a state that is forgotten, another way of training."""
    found = []
    for kind in (AdamW, torch.optim.AdamW):
        torch.manual_seed(0)
        weights = [nn.Parameter(torch.randn(3, 2)) for _ in range(4)]
        optimizer = kind(weights[:2], lr=0.01, fused=True)
        group, used = optimizer.param_groups[0], weights[:2]
        for step in range(12):
            if step == 2:
                group["params"][0] = weights[2]
                used = [weights[1], weights[2]]
            elif step == 4:
                optimizer.add_param_group({"params": [weights[3]]})
                used = weights[1:]
            elif step == 6:
                optimizer.state.clear()
            elif step == 8:
                group["maximize"] = True
            elif step == 10:
                optimizer.state[weights[1]]["exp_avg"] = torch.ones(3, 2)
            for weight in used:
                weight.grad = torch.randn(3, 2)
            optimizer.step()
        found.append(weights)
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize("types", [(torch.float32, torch.float32), (torch.float32, torch.float64)])
@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_gradients_are_clipped_as_torch_does(types: tuple[torch.dtype, ...], scale: float) -> None:
    def drawn() -> list[nn.Parameter]:
        torch.manual_seed(0)
        found = [nn.Parameter(torch.zeros(3, 4, dtype=kind)) for kind in (*types, torch.float32)]
        for weight in found[:-1]:  # the last one has not learned
            weight.grad = scale * torch.randn_like(weight)
        return found

    ours, theirs = drawn(), drawn()
    norm = clip_gradient(ours, plain(clip_norm=1.0))
    assert norm == float(nn.utils.clip_grad_norm_(theirs, 1.0))
    for one, other in zip(ours[:-1], theirs[:-1], strict=True):
        assert one.grad is not None
        assert other.grad is not None
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-6, atol=0)
    assert ours[-1].grad is None
    assert clip_gradient(ours[-1:], plain(clip_norm=1.0)) == 0
