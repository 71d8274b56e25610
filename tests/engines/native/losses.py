"""What holds for every loss that is one call of the core each way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from recurra.engines.native import library

Answer = Callable[[], list[Tensor]]
"""A loss and the gradients of what it was given."""

FORMS: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda t: t.transpose(0, 1).contiguous().transpose(0, 1),
    lambda t: t.mT.contiguous().mT,
    lambda t: (-t)._neg_view(),
    lambda t: torch.cat([t, t])[len(t) :],
)
"""Ways for outputs [B, T, W] to lie in memory."""


def apart(found: list[Tensor], wanted: list[Tensor]) -> float:
    """The largest difference, of what is above 1 as a share."""
    return max(float(((a.double() - b).abs() / b.abs().clamp(min=1)).max()) for a, b in zip(found, wanted, strict=True))


def check_fresh_memory(answer: Answer) -> None:
    """That nothing is read of memory before it is written."""
    torch.use_deterministic_algorithms(True)  # torch fills what it hands out
    core = library.load().c
    try:
        wanted = answer()
        core.recurra_fill_nan(1)
        found = answer()
    finally:
        core.recurra_fill_nan(0)
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def check_threads(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    """That any number of threads gives the same numbers."""
    core, found = library.load().c, []
    core.recurra_threads_as_asked(1)
    try:
        for count in (1, 2, 5):
            monkeypatch.setattr(torch, "get_num_threads", lambda count=count: count)
            found.append(answer())
    finally:
        core.recurra_threads_as_asked(0)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))
