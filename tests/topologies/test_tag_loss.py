"""A tagger's loss in the core is the one of its modules, and its modules answer wherever somebody looks at them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from recurra.engines.native import library, tagging
from recurra.topologies import tag_loss
from recurra.topologies.settings import TaggerSettings
from recurra.topologies.tagger import UNKNOWN_TAG, Forms, Tagger, TaggerBatch

if not library.variants():
    pytest.skip("no compiled library that this machine can run", allow_module_level=True)

FORMS = Forms(torch.tensor([[0, 1, 0, 2], [2, 2, 0, 0]]), torch.tensor([1, 2, 0]))
TAGS = torch.tensor([[0, 2, 1, 1], [2, 0, UNKNOWN_TAG, UNKNOWN_TAG]])
BATCH = TaggerBatch(FORMS, torch.tensor([4, 2]), TAGS)
RULES = (
    torch.tensor([[True, True, False], [True] * 3, [True] * 3]),
    torch.tensor([True, False, True]),
    torch.tensor([True] * 3),
)


def network(*, rules: bool = False, features: int = 0, **changed: Any) -> Tagger:
    torch.manual_seed(0)
    settings = {
        "hidden_size": 6,
        "embedding_size": 5,
        "char_size": 0,
        "crf": True,
        "dropout": 0.5,
        "bidirectional": True,
    }
    model = Tagger(10, 0, 0, 3, TaggerSettings(**settings | changed), RULES if rules else None, features=features)
    for score in model.transitions.parameters():
        nn.init.normal_(score)
    return model


def answer(model: Tagger, batch: TaggerBatch = BATCH) -> tuple[Tensor, dict[str, Tensor]]:
    torch.manual_seed(1)
    model.zero_grad()
    found, units, _ = model.loss(batch)
    assert units == 6
    found.backward()
    return found.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def by_modules(model: Tagger) -> tuple[Tensor, dict[str, Tensor]]:
    """The same with a hook, for which the modules have to be called."""
    seen: list[int] = []
    handle = model.head.register_forward_hook(lambda *_: seen.append(1))
    try:
        return answer(model)
    finally:
        handle.remove()
        assert seen == [1]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Grows with every loss that the core is asked for: whether it gives one."""
    asked: list[bool] = []

    def counted(given: tagging.Given) -> Tensor | None:
        found = tagging.tag_loss(given)
        asked.append(found is not None)
        return found

    monkeypatch.setattr(tag_loss, "tag_loss", counted)
    return asked


@pytest.mark.parametrize(
    "changed",
    [{}, {"rules": True}, {"bidirectional": False, "dropout": 0.3}, {"dropout": 0.0}, {"merge": "sum"}],
    ids=str,
)
def test_it_is_the_modules_loss(changed: dict[str, Any], calls: list[bool]) -> None:
    model = network(**changed)
    for mode in (True, False):
        found, gradients = answer(model.train(mode))
        wanted, others = by_modules(model)
        torch.testing.assert_close(found, wanted)
        torch.testing.assert_close(gradients, others)
    assert calls == [True, True]


def test_the_modules_answer_where_more_is_to_be_done(calls: list[bool]) -> None:
    skipping = network(features=4)
    answer(skipping)
    assert calls == [True]
    skipping.eval().loss(BATCH)
    network(crf=False).loss(BATCH)
    assert calls == [True]


def test_a_sentence_with_an_unknown_tag(calls: list[bool]) -> None:
    tags = TAGS.clone()
    tags[0, 1] = UNKNOWN_TAG
    assert network().loss(BATCH._replace(tags=tags)).units == 2
    assert calls == [False]


class Twice(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def test_what_is_hung_on_modules_is_seen(calls: list[bool]) -> None:
    model = network()
    for module in (model.head, model.dropout):
        seen: list[int] = []
        handle = module.register_forward_pre_hook(lambda *_, seen=seen: seen.append(1))
        answer(model)
        handle.remove()
        assert seen  # dropout is of the vectors, too
    for module, name in ((model.head, "weight"), (model.transitions, "follows")):
        parametrize.register_parametrization(module, name, Twice())
        answer(model)
        parametrize.remove_parametrizations(module, name)
    assert not calls
    answer(model)
    assert calls == [True]


def test_other_types_and_modes(calls: list[bool]) -> None:
    model = network()
    wanted, others = by_modules(model)
    with torch.autocast("cpu", torch.bfloat16):
        found, gradients = answer(model)
    torch.testing.assert_close(found, wanted, rtol=3e-2, atol=3e-2)
    torch.testing.assert_close(gradients, others, rtol=5e-2, atol=2e-2)
    assert calls == [True]
    assert answer(model.double())[0].isfinite()
    with torch.no_grad():
        assert not network().loss(BATCH).mean.requires_grad
    assert calls == [True] * 3
