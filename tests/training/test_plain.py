"""What stands for Fabric in one process on the CPU gives its numbers."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from recurra.training.processes.alone import ALONE
from recurra.training.processes.plain import Plain


class Pair(NamedTuple):
    values: Tensor
    ids: Tensor


@dataclass
class Held:
    values: Tensor
    name: str


class Network(nn.Module):
    """Gives back what it was given beside what it made of it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 3)

    def forward(self, pair: Pair, *, more: dict[str, Any]) -> dict[str, Any]:
        y = self.layer(pair.values)
        return {"y": y, "pair": Pair(y, pair.ids), "list": [pair.values], "more": more, "held": Held(y, "name")}

    def width(self) -> int:
        return self.layer.in_features


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_a_network_is_called_as_fabric_calls_it(precision: Literal["bf16-mixed", "32-true"]) -> None:
    torch.manual_seed(0)
    network = Network()
    optimizer = torch.optim.SGD(network.parameters())
    theirs, _ = Fabric(accelerator="cpu", devices=1, precision=precision).setup(network, optimizer)
    ours, same = Plain(precision).setup(network, optimizer)
    assert same is optimizer
    given = Pair(torch.randn(4, 5), torch.arange(4)), {"x": torch.randn(2), "n": 3}
    a, b = (called(given[0], more=given[1]) for called in (ours, theirs))
    for one, other in (
        (a["y"], b["y"]),
        (a["pair"].values, b["pair"].values),
        (a["pair"].ids, b["pair"].ids),
        (a["list"][0], b["list"][0]),
        (a["more"]["x"], b["more"]["x"]),
        (a["held"].values, b["held"].values),
    ):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    assert (a["more"]["n"], a["held"].name, ours.width()) == (3, "name", 5)
    assert not ours.eval().layer.training
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["layer.weight", "layer.bias"]
    ours.load_state_dict(theirs.state_dict())


def test_autocast_is_of_the_precision_asked_for() -> None:
    x = torch.randn(3, 3)
    for precision, dtype in (("bf16-mixed", torch.bfloat16), ("32-true", torch.float32)):
        with Plain(precision).autocast():  # type: ignore[arg-type]
            assert (x @ x).dtype == dtype


def test_one_process_on_the_cpu_needs_no_fabric() -> None:
    assert isinstance(ALONE.fabric("cpu", "32-true"), Plain)


def test_optimizers_leave_the_compiler_for_later_and_it_works_then() -> None:
    code = """
import sys, torch
from recurra.training.optimizer import optimizer_of
from recurra.training.settings import TrainingSettings
for name in ("adamw", "muon"):
    layer = torch.nn.Linear(3, 3)
    made = optimizer_of(layer, TrainingSettings(optimizer=name, epochs=1.0))
    layer(torch.ones(1, 3)).sum().backward()
    made.step(); made.zero_grad(); made.load_state_dict(made.state_dict())
    assert "torch._dynamo" not in sys.modules, name
import torch._dynamo
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item() == 2
compiled = torch.compile(layer, backend="eager")
compiled(torch.ones(1, 3)).sum().backward()
made.step(); made.zero_grad()
method = torch.optim.Optimizer.zero_grad.__wrapped__
assert getattr(method, "__dynamo_disable") is not method
"""
    subprocess.run([sys.executable, "-c", code], check=True)
