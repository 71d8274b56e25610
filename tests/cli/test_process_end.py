"""How a process of the command line ends."""

from __future__ import annotations

import gc
from contextlib import nullcontext

import pytest

import recurra.cli
import recurra.cli.entry


def test_a_process_that_ends_does_not_look_for_garbage_first(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[bool] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(True))
    monkeypatch.setattr(recurra.cli.entry, "run", lambda arguments, listening: 3)
    monkeypatch.setattr(recurra.cli, "Listening", lambda ending: nullcontext())
    assert recurra.cli.main([]) == 3
    assert not frozen  # the process goes on
    assert recurra.cli.main(None) == 3
    assert frozen
