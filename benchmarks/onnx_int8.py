"""How fast an LSTM of bytes is in ONNX Runtime, beside its float32: one sequence of 100 steps, on one core.

    python benchmarks/onnx_int8.py [--hidden-size 128 256 512]

The graphs are those of `recurra export --to onnx`, with `--weights int8` and without. Times are of the processor, the
best of twenty; beside them how far the outputs, which lie between -1 and 1, are apart.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch

from recurra.export.onnx.proof import graphs, session
from recurra.export.onnx.small import shrink
from recurra.topologies.frames import FrameNetwork
from recurra.topologies.settings import FrameSettings

STEPS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden-size", type=int, nargs="+", default=[128, 256, 512])
    for size in parser.parse_args().hidden_size:
        torch.manual_seed(0)
        network = FrameNetwork(size, 1, FrameSettings(hidden_size=size), per_frame=True).eval()
        whole = graphs(network)["sequence"].model({})
        small, _ = shrink(whole)
        frames = np.random.default_rng(0).standard_normal((1, STEPS, size)).astype(np.float32)
        zeros = np.zeros((1, 1, size), np.float32)
        asked = {"frames": frames, "lengths": np.array([STEPS]), "state_h": zeros, "state_c": zeros}
        (exact, before), (rounded, after) = (_timed(model, asked) for model in (whole, small))
        print(
            f"LSTM of {size} units: float32 {before * 1e3:6.2f} ms, {len(whole):,} bytes; int8 {after * 1e3:6.2f} ms, "
            f"{len(small):,} bytes: {before / after:.1f} x as fast, outputs differ by {abs(exact - rounded).max():.3f}"
        )


def _timed(model: bytes, asked: dict[str, Any]) -> tuple[Any, float]:
    run, took = session(model), []
    for _ in range(20):
        begun = time.process_time()
        found = run.run(["next_h"], asked)[0]
        took.append(time.process_time() - begun)
    return found, min(took)


if __name__ == "__main__":
    main()
