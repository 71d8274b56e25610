"""Tokens that the compiled core writes by itself are those that are drawn one by one, whatever the cell."""

from __future__ import annotations

import pytest
import torch

from recurra.cells.definition import Cell
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.choose import ENGINES
from recurra.engines.native import library
from recurra.layers.stack import Stack
from recurra.tasks.decoding.detokenizer import Detokenizer
from recurra.tasks.language.blocks import written
from recurra.tasks.language.writing import Sampling, Writing
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import NextTokenSettings
from recurra.topologies.token_blocks import TokenBlocks
from tests.laws.law_cases import can_run, every_cell

pytestmark = pytest.mark.skipif(library.why_missing() is not None, reason="no compiled core")
VOCABULARY = Vocabulary.build(["".join(map(chr, range(97, 117)))])
WAYS = (
    Sampling(seed=1),
    Sampling(seed=2, temperature=0.7, repetition_penalty=1.3),
    Sampling(seed=3, top_k=5, top_p=0.8),
    Sampling(temperature=0, repetition_penalty=1.5),
)


def texts(network: NextToken, how: Sampling) -> str:
    def prompt() -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        y, state = network.hidden(torch.tensor([[3, 1, 4]]))
        return network.head(y)[0, -1].clone(), state

    with torch.inference_mode():
        return "".join(written(network, prompt, Writing([3, 1, 4], Detokenizer(VOCABULARY, ""), 40, how)))


@every_cell
@pytest.mark.parametrize("layers", [1, 2])
def test_both_ways_write_the_same(cell: Cell, layers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    native = next(engine for engine in ENGINES if engine.name == "native")
    if not can_run(native, cell):
        pytest.skip("the core does not run it")
    torch.manual_seed(0)
    settings = NextTokenSettings(cell="gru", hidden_size=12, embedding_size=6)
    network = NextToken(len(VOCABULARY), settings).eval()
    network.stack = Stack(6, 12, num_layers=layers, cell=cell, engine="native").eval()
    with torch.no_grad():
        network.head.weight *= 10  # an untrained output holds all alike
    found, blocks = [], 0
    write = TokenBlocks.write

    def counted(self: TokenBlocks, token: int, waits: torch.Tensor) -> tuple[list[int], torch.Tensor | None]:
        nonlocal blocks
        blocks += 1
        return write(self, token, waits)

    with monkeypatch.context() as patch:
        patch.setattr(TokenBlocks, "write", counted)
        found = [texts(network, how) for how in WAYS]
    assert 4 <= blocks < 4 * 39
    monkeypatch.setattr(TokenBlocks, "why_not", lambda _: "asked for")
    assert found == [texts(network, how) for how in WAYS]
