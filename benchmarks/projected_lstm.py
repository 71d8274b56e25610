"""recurra.LSTM beside torch.nn.LSTM, both with proj_size: one training step of the layer, dx and dW included.

    python benchmarks/projected_lstm.py [--threads 2] [--repeats 9]

Results are compared first; times are taken in turn, medians after two warm-ups.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial

import torch
from torch import Tensor, nn

import recurra
from recurra.bench.timing import interleaved

SHAPES = ((50, 32, 128, 128, 64), (100, 64, 256, 256, 128), (50, 64, 256, 512, 128))


def step(layer: nn.Module, x: Tensor, dy: Tensor) -> list[Tensor]:
    """The outputs and all gradients."""
    y = layer(x)[0]
    return [y.detach(), *torch.autograd.grad(y, [x, *layer.parameters()], dy)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")
    for time, batch, inputs, hidden, narrow in SHAPES:
        ours, theirs = recurra.LSTM(inputs, hidden, proj_size=narrow), nn.LSTM(inputs, hidden, proj_size=narrow)
        ours.load_state_dict(theirs.state_dict())
        x, dy = torch.randn(time, batch, inputs, requires_grad=True), torch.randn(time, batch, narrow)
        for one, other in zip(step(ours, x, dy), step(theirs, x, dy), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3 * float(other.abs().max()))
        own, peer = interleaved([partial(step, ours, x, dy), partial(step, theirs, x, dy)], given.repeats)
        shape = f"{time}x{batch}x{inputs}x{hidden}, proj_size {narrow}"
        times = f"recurra {1e3 * own.median:7.1f} ms  torch {1e3 * peer.median:7.1f} ms"
        print(f"{shape:36} {times}  ratio {peer.median / own.median:.2f}")


if __name__ == "__main__":
    main()
