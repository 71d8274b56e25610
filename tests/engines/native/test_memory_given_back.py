"""What layers leave behind: memory that can be given back, and nothing of copies."""

from __future__ import annotations

import copy
import gc
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import torch

import recurra
from recurra.cells import definition
from recurra.engines import checks
from recurra.engines.native import compiled, library
from recurra.layers.dropins import GRU
from recurra.layers.stack import Stack

GIVEN_BACK = """
import os
from pathlib import Path

import torch

import recurra
from recurra.layers.dropins import GRU


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


layer, x = GRU(8, 256), torch.randn(100, 64, 8)
recurra.empty_cache()
before = resident()
answer = layer(x)
del answer
kept = resident()
recurra.empty_cache()
print(kept - before, resident() - before)
layer(x)[0].sum().backward()
"""
"""A process of its own: in one with a gigabyte of other tests' memory, theirs comes and goes meanwhile."""


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="Linux tells how much memory a process has")
@pytest.mark.skipif(library.why_missing() is not None, reason="the native engine is not here")
def test_the_pool_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", GIVEN_BACK], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    kept, left = map(int, done.stdout.split())
    assert kept > 30_000_000  # what the backward pass would have needed
    assert left < 8_000_000  # the first call's own: code, threads


def test_what_is_in_use_stays() -> None:
    layer, x = GRU(3, 5), torch.randn(6, 4, 3)
    y, _ = layer(x)
    recurra.empty_cache()
    y.sum().backward()
    again = GRU(3, 5)
    again.load_state_dict(layer.state_dict())
    again(x)[0].sum().backward()
    assert torch.equal(layer.weight_hh_l0.grad, again.weight_hh_l0.grad)


@pytest.mark.parametrize("engine", ["auto", "vendor", "reference"])
def test_copies_leave_nothing_behind(engine: str) -> None:
    layer, x = Stack(3, 5, 2, cell="lstm", engine=engine), torch.randn(4, 6, 3)
    layer(x)[0].sum().backward()
    caches = (definition._numbered, checks._fitting, compiled._by_key, compiled._forms, compiled._compiled)
    before = [len(c) for c in caches]
    weights = []
    for _ in range(5):
        other = copy.deepcopy(layer)
        other(x)[0].sum().backward()
        stream = copy.deepcopy(other.stream(4))
        stream.step(x[:, 0])
        weights.append(weakref.ref(other.weight_hh_l0))
        del other, stream
    gc.collect()
    assert [len(c) for c in caches] == before
    assert not any(w() is not None for w in weights)
