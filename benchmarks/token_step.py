"""One token of generated text, drawn and shown: Recurra beside loops over torch.nn's LSTM.

    python benchmarks/token_step.py [--threads 1] [--hidden 256] [--tokens 400] [--repeats 9]

A language model of characters, V 65, E 64, one LSTM: the step, the output, the draw and the character. torch steps by
nn.LSTMCell or by nn.LSTM of one step, each under inference_mode, and draws by torch.multinomial. What each writes at
temperature 0 is compared first; sides take turns, medians after two warm-ups.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.bench.timing import interleaved
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.language.model import LanguageModel
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import NextTokenSettings
from recurra.topologies.token_blocks import TokenBlocks

CHARACTERS = "".join(map(chr, range(33, 97)))
START = "A"

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


def chosen(logits: Tensor, temperature: float) -> int:
    logits[0] = float("-inf")
    if temperature == 0:
        return int(logits.argmax())
    return int(torch.multinomial((logits / temperature).softmax(0), 1))


@torch.inference_mode()
def written(model: LanguageModel, step: Step, tokens: int, temperature: float) -> str:
    """As a loop over torch writes. step: from a token's vector [1, E] and the state to y [1, H] and the state"""
    network, names = model.network, model.vocabulary.tokens
    table, weight, bias = network.table.weight, network.head.weight, network.head.bias
    token, state, found = names.index(START), None, [START]
    for _ in range(tokens):
        y, state = step(table[token : token + 1], state)
        token = chosen(functional.linear(y, weight, bias)[0], temperature)
        found.append(names[token])
    return "".join(found)


def by_cell(cell: nn.LSTMCell) -> Step:
    def step(x: Tensor, state: Any) -> tuple[Tensor, Any]:
        state = cell(x, state)
        return state[0], state

    return step


def singly(model: LanguageModel, tokens: int, temperature: float) -> str:
    """Recurra as it writes where something has to see every token."""
    kept, TokenBlocks.why_not = TokenBlocks.why_not, lambda _: "asked for"  # type: ignore[method-assign, assignment]
    try:
        return model.generate(START, tokens, temperature=temperature)
    finally:
        TokenBlocks.why_not = kept  # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    vocabulary = Vocabulary.build([CHARACTERS])
    network = NextToken(len(vocabulary), NextTokenSettings(cell="lstm", embedding_size=64, hidden_size=given.hidden))
    model = LanguageModel(network, vocabulary)
    cell, layer = nn.LSTMCell(64, given.hidden), nn.LSTM(64, given.hidden)
    weights = network.stack.state_dict()
    layer.load_state_dict(weights)
    cell.load_state_dict({name.removesuffix("_l0"): weight for name, weight in weights.items()})
    sides: dict[str, Callable[[int, float], str]] = {
        "recurra": lambda tokens, temperature: model.generate(START, tokens, temperature=temperature),
        "recurra, one by one": partial(singly, model),
        "nn.LSTMCell": partial(written, model, by_cell(cell)),
        "nn.LSTM of one step": partial(written, model, layer),
    }
    texts = {name: write(given.tokens, 0.0) for name, write in sides.items()}
    assert len(set(texts.values())) == 1, texts
    times = interleaved([partial(write, given.tokens, 0.8) for write in sides.values()], given.repeats)
    ours = times[0].median
    for name, taken in zip(sides, times, strict=True):
        each = 1e6 * taken.median / given.tokens
        print(
            f"H {given.hidden}, {given.threads} thread(s)  {name:20} {each:7.1f} us a token, {taken.median / ours:5.2f}"
        )


if __name__ == "__main__":
    main()
