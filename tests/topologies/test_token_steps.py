"""A language model one token at a time says what it says of all of them at once."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import NextTokenSettings
from recurra.topologies.token_steps import TokenSteps

NETWORKS: tuple[dict[str, Any], ...] = (
    {"cell": "gru", "dropout": 0.5, "recurrent_dropout": 0.3},
    {"cell": "lstm", "num_layers": 2, "learned_state": True, "zoneout": 0.2, "weight_dropout": 0.3},
    {"cell": "lstm", "embedding_size": 8, "tie_weights": True, "output": "adaptive"},
    {"cell": "lstm", "output": "sampled"},
)


@pytest.mark.parametrize("given", NETWORKS)
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_steps_say_what_the_whole_says(given: dict[str, Any], engine: str) -> None:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"hidden_size": 8, "embedding_size": 5, "engine": engine}
    network = NextToken(70, NextTokenSettings(**sizes | given)).eval()
    tokens = torch.randint(70, (1, 9))
    with torch.no_grad():
        expected = network(tokens)[0][0, 4:]
        _, state = network.hidden(tokens[:, :4])
    steps = TokenSteps(network, state)
    found = torch.stack([steps.step(int(token)).clone() for token in tokens[0, 4:]])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
