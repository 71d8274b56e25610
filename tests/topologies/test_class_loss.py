"""A classifier's loss in the core is the one of its modules, and its modules answer wherever somebody looks at them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from recurra.engines.native import library, readout
from recurra.layers.bare import is_bare
from recurra.topologies import class_loss
from recurra.topologies.class_loss import PARTS
from recurra.topologies.many_to_one import SPELT, ClassifierBatch, SequenceClassifier, Spelt
from recurra.topologies.settings import ClassifierSettings

if not library.variants():
    pytest.skip("no compiled library that this machine can run", allow_module_level=True)

TOKENS = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0], [7, 0, 0, 0], [3, 3, 2, 0]])
BATCH = ClassifierBatch(TOKENS, torch.tensor([4, 2, 1, 3]), torch.tensor([0, 2, 1, 2]))


def network(classes: int = 3, **changed: Any) -> SequenceClassifier:
    settings = {
        "cell": "gru",
        "embedding_size": 6,
        "hidden_size": 5,
        "dropout": 0.5,
        "embedding_dropout": 0.1,
    } | changed
    torch.manual_seed(0)
    return SequenceClassifier(9, classes, ClassifierSettings(**settings)).double()


def answer(model: SequenceClassifier, batch: ClassifierBatch, seed: int = 1) -> tuple[Tensor, dict[str, Tensor]]:
    torch.manual_seed(seed)
    model.zero_grad()
    found = model.loss(batch).mean
    found.backward()
    return found.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def by_modules(model: SequenceClassifier, batch: ClassifierBatch) -> tuple[Tensor, dict[str, Tensor]]:
    """The same with a hook, for which the modules have to be called."""
    seen: list[int] = []
    handle = model.head.register_forward_hook(lambda *_: seen.append(1))
    try:
        return answer(model, batch)
    finally:
        handle.remove()
        assert seen == [1]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every loss that the core makes."""
    found: list[int] = []

    def counted(*given: Any) -> Tensor:
        found.append(1)
        return readout.class_loss(*given)

    monkeypatch.setattr(class_loss, "class_loss", counted)
    return found


@pytest.mark.parametrize("pooling", PARTS)
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"bidirectional": True},
        {"bidirectional": True, "num_layers": 2},
        {"bidirectional": True, "merge": "sum"},
        {"cell": "lstm", "bidirectional": True, "dropout": 0.3, "recurrent_dropout": 0.2},
        {"zoneout": 0.2, "dropout": 0.0},
        {"learned_state": True, "dropout": 0.999},
    ],
    ids=str,
)
def test_it_is_the_modules_loss(pooling: str, changed: dict[str, Any], calls: list[int]) -> None:
    model = network(pooling=pooling, **changed)
    shifted = BATCH._replace(shift=torch.tensor([0.5, -1.0, 0.25], dtype=torch.float64), smoothing=0.1)
    for mode in (True, False):
        for batch in (BATCH, shifted):
            found, gradients = answer(model.train(mode), batch)
            wanted, others = by_modules(model, batch)
            torch.testing.assert_close(found.double(), wanted.double(), rtol=1e-6, atol=1e-6)  # the modules' is float32
            torch.testing.assert_close(gradients, others, rtol=1e-5, atol=1e-7)
    summed = changed.get("merge") == "sum" and pooling in ("last", "all")
    assert len(calls) == (0 if summed else 4)


def test_back_through_the_last_steps_alone(calls: list[int]) -> None:
    model = network(pooling="all")
    batch = BATCH._replace(bptt=2)
    (found, gradients), (wanted, others) = answer(model, batch), by_modules(model, batch)
    torch.testing.assert_close(found.double(), wanted.double(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(gradients, others, rtol=1e-5, atol=1e-7)
    assert calls == [1]


def test_the_modules_answer_where_characters_are_read_too(calls: list[int]) -> None:
    settings = ClassifierSettings(cell="gru", embedding_size=6, hidden_size=5, pooling="all")
    model = SequenceClassifier(9, 3, settings, characters=torch.tensor([SPELT + 97, SPELT + 98]))
    letters = torch.tensor([[SPELT + 97, SPELT + 98]] * 4)
    spelt = Spelt(TOKENS, letters, torch.tensor([2, 1, 2, 2]))
    assert model.loss(BATCH._replace(tokens=spelt)).mean.isfinite()
    assert not calls


class Twice(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def test_what_is_hung_on_modules_is_seen(calls: list[int]) -> None:
    model = network(pooling="all")
    for module in (model.head, model.dropout):
        for register in (
            module.register_forward_hook,
            module.register_forward_pre_hook,
            module.register_full_backward_hook,
            module.register_full_backward_pre_hook,
        ):
            seen: list[int] = []
            handle = register(lambda *_, seen=seen: seen.append(1))
            answer(model, BATCH)
            handle.remove()
            assert seen == [1]
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    answer(model, BATCH)
    handle.remove()
    parametrize.register_parametrization(model.head, "weight", Twice())
    answer(model, BATCH)
    parametrize.remove_parametrizations(model.head, "weight")
    model.head.forward = lambda x: nn.Linear.forward(model.head, x)  # type: ignore[method-assign]
    answer(model, BATCH)
    assert not calls
    del model.head.forward
    answer(model, BATCH)
    assert calls == [1]
    assert not is_bare(nn.LazyLinear(3), nn.Linear)


def test_other_types_and_modes(calls: list[int]) -> None:
    model = network(pooling="all", bidirectional=True).float()
    wanted, others = by_modules(model, BATCH)
    with torch.autocast("cpu", torch.bfloat16):
        found, gradients = answer(model, BATCH)
    torch.testing.assert_close(found, wanted, rtol=3e-2, atol=3e-2)
    torch.testing.assert_close(gradients, others, rtol=5e-2, atol=2e-2)
    assert calls == [1]
    assert answer(model.bfloat16(), BATCH)[0].isfinite()
    with torch.device("meta"):
        elsewhere = network(pooling="all")
    assert elsewhere.loss(ClassifierBatch(*(t.to("meta") for t in BATCH[:3]))).mean.is_meta  # type: ignore[union-attr]
    with torch.no_grad():
        assert not network(pooling="all").loss(BATCH).mean.requires_grad
    assert len(calls) == 2


def test_compiled_it_is_the_same(calls: list[int]) -> None:
    model = network(pooling="all", dropout=0.0, embedding_dropout=0.0).float()
    wanted = model.loss(BATCH).mean
    compiled = torch.compile(lambda batch: model.loss(batch).mean, backend="aot_eager")
    torch.testing.assert_close(compiled(BATCH), wanted, rtol=1e-5, atol=1e-6)
    assert calls == [1]


def test_more_classes_than_the_core_takes(calls: list[int]) -> None:
    model = network(1 << 15, pooling="all")
    assert answer(model, BATCH)[0].isfinite()
    assert not calls
