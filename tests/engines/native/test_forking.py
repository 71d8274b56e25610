"""A process forked from one that had threads: layers run there on one thread and say so, and nothing waits for ever."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, warnings
import torch
from recurra.layers.dropins import GRU
from recurra.layers.stack import Stack

torch.set_num_threads(2)
layer, x = GRU(64, 128), torch.randn(10, 32, 64)
y, _ = layer(x)
y.sum().backward()
y, _ = layer(x)
ones = torch.ones_like(y)
stream = Stack(64, 512).stream(2)
before = layer(x)[0].detach()
for work in ("forward", "backward", "stream", "vendor"):
    child = os.fork()
    if child == 0:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if work == "forward":
                assert torch.equal(layer(x)[0], before)
            elif work == "backward":
                y.backward(ones)
            elif work == "stream":
                stream.step(torch.randn(2, 64))
            elif work == "vendor":
                GRU(64, 128, engine="vendor")(x)[0].sum().backward()
        print(work, torch.get_num_threads(), [str(w.message)[:23] for w in caught], flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, work
layer(x)[0].sum().backward()
print("parent", torch.get_num_threads())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_layers_run_in_a_forked_process() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, timeout=200, check=False
    )
    said = "1 ['this process was forked']"
    assert done.stdout.splitlines() == [
        f"forward {said}",
        f"backward {said}",
        "stream 2 []",
        f"vendor {said}",
        "parent 2",
    ], done.stderr
