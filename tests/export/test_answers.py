"""What an export may differ by, whatever it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recurra.errors import RecurraError
from recurra.export.answers import allowed, own_rounding, said
from recurra.export.weights.proof import prove
from recurra.layers.stack import Stack
from recurra.tasks.outgoing import Asked


@pytest.mark.parametrize(
    ("largest", "own", "expected"), [(0.5, 0.0, 1e-5), (200.0, 0.0, 2e-3), (1.0, 1e-4, 3e-4), (200.0, 1e-4, 2e-3)]
)
def test_it_is_a_share_of_the_largest_number_or_three_roundings(largest: float, own: float, expected: float) -> None:
    assert allowed(largest, own) == pytest.approx(expected)


def test_a_network_that_rounds_coarsely_allows_its_weights_as_much() -> None:
    """Recurrent weights far above 1: each step stretches the rounding of those before."""
    torch.manual_seed(0)
    stack = Stack(1, 20, cell="rnn").eval()
    for weight in stack.parameters():
        torch.nn.init.normal_(weight, std=0.7)
    asked = Asked(np.sin(np.arange(40, dtype=np.float32))[:, None])
    own, answer = own_rounding(stack, [asked]), said(stack, asked)
    assert own > 1e-5
    assert prove(lambda _: answer + 2 * own, "a copy", stack, [asked], None)[0] == 40
    with pytest.raises(RecurraError, match=r"a copy does not say what the network says: it differs by .*is allowed"):
        prove(lambda _: answer + 4 * own, "a copy", stack, [asked], None)
