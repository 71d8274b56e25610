"""A block of tokens, and what may happen between two of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.native import library
from recurra.errors import ModelFolderError, ShapeError
from recurra.tasks.language.model import LanguageModel
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import NextTokenSettings
from recurra.topologies.token_blocks import TokenBlocks

pytestmark = pytest.mark.skipif(library.why_missing() is not None, reason="no compiled core")


def made(**given: Any) -> LanguageModel:
    torch.manual_seed(0)
    vocabulary = Vocabulary.build(["".join(map(chr, range(97, 123)))])
    sizes: dict[str, Any] = {"cell": "lstm", "hidden_size": 16, "embedding_size": 8, "num_layers": 2}
    network = NextToken(len(vocabulary), NextTokenSettings(**sizes | given))
    with torch.no_grad():
        network.head.weight *= 5
    return LanguageModel(network, vocabulary)


def singly(monkeypatch: pytest.MonkeyPatch, write: Callable[[], str]) -> str:
    with monkeypatch.context() as patch:
        patch.setattr(TokenBlocks, "why_not", lambda _: "asked for")
        return write()


def in_two(model: LanguageModel, between: Callable[[], object]) -> str:
    """A text with something done to the model after its tenth character."""
    pieces = model.stream("ab", 80, seed=5)
    first = [next(pieces) for _ in range(10)]
    between()
    return "".join([*first, *pieces])


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"tie_weights": True, "embedding_size": 16},
        {"cell": "gru", "num_layers": 1, "learned_state": True},
    ],
)
def test_texts_are_those_of_single_steps(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model = made(**given)
    for how in ({}, {"temperature": 0.5}, {"top_k": 4}, {"stop": "q"}, {"repetition_penalty": 1.2, "top_p": 0.9}):

        def write(how: dict[str, Any] = how) -> str:
            return model.generate("xyz", 200, seed=3, **how)

        assert write() == singly(monkeypatch, write)


def test_weights_that_change_between_blocks_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    changes: tuple[Callable[[nn.Module], object], ...] = (
        lambda head: head.weight.detach().mul_(-1),
        lambda head: head.bias.detach().add_(torch.arange(27)),
        lambda head: setattr(head, "weight", nn.Parameter(head.weight.detach() * -1)),
        lambda head: setattr(head.weight, "data", head.weight.data.flip(0)),
    )
    whole = made().generate("ab", 80, seed=5)[2:]
    for change in changes:
        found, expected = (made() for _ in range(2))
        text = in_two(found, lambda model=found, change=change: change(model.network.head))

        def write(model: LanguageModel = expected, change: Any = change) -> str:
            return in_two(model, lambda: change(model.network.head))

        alone = singly(monkeypatch, write)
        # a block that was drawn before the change is still shown
        assert text[:10] == alone[:10] == whole[:10]
        assert text != whole


@pytest.mark.parametrize("name", ["table", "head"])
def test_memory_that_is_given_back_between_blocks_is_not_read(name: str) -> None:
    model = made()

    def between() -> None:
        getattr(model.network, name).weight.untyped_storage().resize_(0)

    with pytest.raises(ShapeError, match="0 bytes of memory left"):
        in_two(model, between)


def test_a_table_that_is_given_back_is_not_read_singly(monkeypatch: pytest.MonkeyPatch) -> None:
    model = made()

    def between() -> None:
        model.network.table.weight.untyped_storage().resize_(0)

    with pytest.raises(ShapeError, match="0 bytes of memory left"):
        singly(monkeypatch, lambda: in_two(model, between))


def test_a_hook_sees_every_token_from_then_on() -> None:
    model, seen = made(), []

    def hook(_: nn.Module, __: Any, y: Tensor) -> None:
        seen.append(y.shape)

    text = in_two(model, lambda: model.network.head.register_forward_hook(hook))
    assert 0 < len(seen) <= 70
    assert text == made().generate("ab", 80, seed=5)[2:]


def test_others_look_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def calls(model: LanguageModel) -> int:
        count, step = 0, TokenBlocks.write

        def counted(self: TokenBlocks, *args: Any) -> Any:
            nonlocal count
            count += 1
            return step(self, *args)

        with monkeypatch.context() as patch:
            patch.setattr(TokenBlocks, "write", counted)
            model.generate("ab", 20, seed=1)
        return count

    assert calls(made()) > 0
    with torch.autocast("cpu", torch.bfloat16):
        assert calls(made()) == 0
    assert calls(made(engine="reference")) == 0
    double = made()
    double.network.double()
    assert calls(double) == 0


def test_scores_that_are_no_numbers_are_an_error_on_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    model = made()
    with torch.no_grad():
        model.network.table.weight[5] = float("nan")

    def write() -> str:
        return model.generate("ab", 300, seed=1)

    for way in (write, lambda: singly(monkeypatch, write)):
        with pytest.raises(ModelFolderError, match="not numbers"):
            way()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_goes_on() -> None:
    model = made()
    pieces = model.stream("ab", 60, seed=5)
    first = [next(pieces) for _ in range(7)]
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, "".join(pieces).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        assert answer.read().decode() == "".join(pieces)
    assert os.waitpid(child, 0)[1] == 0
    assert "".join(first)
