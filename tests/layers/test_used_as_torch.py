"""Drawn configurations in the ways people use torch.nn's layers: some of those of tests/fuzz/layers.py."""

from __future__ import annotations

import sys

import pytest
import torch

from tests.fuzz import layers as fuzz
from tests.fuzz.layer_cases import draw
from tests.fuzz.layer_uses import USES

LEFT_OUT = {"compiled", "checkpointed", "traced"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(USES.keys() - LEFT_OUT))
def test_a_use_gives_what_torch_gives(name: str) -> None:
    for number in range(3):
        case = draw(7, number, {name: 1})
        assert fuzz.compare(case) is None, case


def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    case = draw(7, 0, {"plain": 1})
    ours, theirs = fuzz.layers(case)
    with torch.no_grad():
        ours.weight_hh_l0[0, 0] += 0.5
    monkeypatch.setattr(fuzz, "layers", lambda case: (ours, theirs))
    assert "off by" in str(fuzz.compare(case))


def test_a_case_that_ends_its_process_is_found(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> None:
    crash = "import os, sys; print('case 3', flush=True); os.abort()"
    real = fuzz.subprocess.Popen
    calls: list[int] = []

    def start(command: list[str], **given: object) -> object:
        calls.append(int(command[-2]))
        code = crash if calls[-1] <= 3 else "print('done')"
        return real([sys.executable, "-c", code], **given)

    monkeypatch.setattr(fuzz.subprocess, "Popen", start)
    found = fuzz.watch(0, 0, 6)
    assert calls == [0, 4]
    assert len(found) == 1
    assert found[0].startswith("case 3 ends the process with -6 [seed=")
