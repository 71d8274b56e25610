"""The loop calls a loss, its gradient and the optimizer by itself: with the numbers that Fabric would give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest
import torch
from fakes import plain
from lightning_fabric import Fabric

from recurra.topologies.many_to_one import ClassifierBatch, SequenceClassifier
from recurra.topologies.sequence_model import Loss
from recurra.topologies.settings import ClassifierSettings
from recurra.training.fit import fit, step_seed
from recurra.training.optimizer import clip_gradient, optimizer_of

STEPS = 5


class Trainee:
    evaluation_units = 1

    def __init__(self) -> None:
        torch.manual_seed(3)
        settings = ClassifierSettings(
            cell="gru", embedding_size=8, hidden_size=16, bidirectional=True, pooling="all", dropout=0.3
        )
        self.network = SequenceClassifier(11, 4, settings)
        lengths = torch.tensor([7, 5, 2, 7, 1, 3])
        self.batch = ClassifierBatch(torch.randint(11, (6, 7)), lengths, torch.randint(4, (6,)))

    def steps(self, epoch: int) -> int:
        return STEPS

    def batches(self, epoch: int) -> Iterator[ClassifierBatch]:
        return iter([self.batch] * STEPS)

    def loss(self, network: Any, batch: ClassifierBatch, state: Any) -> Loss:
        found: Loss = network.loss(batch, state)
        return found

    def evaluate(self, network: Any) -> dict[str, float]:
        return {"loss": 1.0}

    def rank(self, metrics: dict[str, float]) -> list[float]:
        return [metrics["loss"]]


@pytest.mark.parametrize("precision", ["32", "bf16"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_the_weights_are_those_of_a_loop_that_asks_fabric_for_everything(precision: str, optimizer: str) -> None:
    settings = plain(epochs=1, precision=precision, optimizer=optimizer, learning_rate=0.01, clip_norm=0.5)
    ours, theirs = Trainee(), Trainee()
    fit(ours, settings)
    kind: Literal["bf16-mixed", "32-true"] = "bf16-mixed" if precision == "bf16" else "32-true"
    fabric = Fabric(accelerator="cpu", devices=1, precision=kind)
    network, updates = fabric.setup(theirs.network, optimizer_of(theirs.network, settings))
    network.mark_forward_method("loss")
    network.train()
    for step, batch in enumerate(theirs.batches(0)):
        torch.manual_seed(step_seed(settings.seed, 0, step))
        with fabric.autocast():
            loss = theirs.loss(network, batch, None)
        fabric.backward(loss.mean)
        clip_gradient(list(theirs.network.parameters()), settings)
        updates.step()
        updates.zero_grad()
    own, other = ours.network.state_dict(), theirs.network.state_dict()
    assert all(torch.equal(own[name], other[name]) for name in other)
