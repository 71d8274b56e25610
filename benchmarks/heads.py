"""A layer whose heads do not see each other beside one whose units all do: a training step, and forward alone.

    python benchmarks/heads.py [--threads 2] [--repeats 9] [--cells lstm,slstm]

Results are compared first, with those of a layer of one head whose recurrent matrices hold the blocks between zeros;
times are taken in turn, medians after two warm-ups. floor: products of the layer with heads over those of the other.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from recurra.bench.timing import interleaved
from recurra.engines.heads import block_diagonal
from recurra.layers.stack import Stack

SHAPES = ((50, 32, 128, 256, 4), (50, 32, 128, 256, 8), (100, 64, 256, 512, 4), (100, 1, 128, 512, 4))
"""T, B, I, H and heads."""


def step(layer: Stack, x: Tensor, dy: Tensor) -> list[Tensor]:
    """The outputs and all gradients."""
    y = layer(x)[0]
    return [y.detach(), *torch.autograd.grad(y, [x, *layer.parameters()], dy)]


def forward(layer: Stack, x: Tensor) -> None:
    with torch.inference_mode():
        layer(x)


def check(one: Stack, many: Stack, x: Tensor, dy: Tensor, heads: int) -> None:
    """Errors: AssertionError where the layer with heads is not the one with blocks between zeros"""
    one.load_state_dict(
        many.state_dict() | {"weight_hh_l0": block_diagonal(many.get_parameter("weight_hh_l0").detach(), heads)}
    )
    for found, expected in zip(step(many, x, dy)[:2], step(one, x, dy)[:2], strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--cells", default="lstm,slstm")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    for cell in given.cells.split(","):
        for time, batch, inputs, hidden, heads in SHAPES:
            one, many = (Stack(inputs, hidden, cell=cell, heads=n) for n in (1, heads))
            x, dy = torch.randn(batch, time, inputs, requires_grad=True), torch.randn(batch, time, hidden)
            check(one, many, x, dy, heads)
            calls: list[Callable[[], object]] = [
                partial(step, one, x, dy),
                partial(step, many, x, dy),
                partial(forward, one, x),
                partial(forward, many, x),
            ]
            whole, blocks, whole_forward, blocks_forward = interleaved(calls, given.repeats)
            floor = (inputs + hidden / heads) / (inputs + hidden)
            print(f"{cell:6} {time}x{batch}x{inputs}x{hidden}, {heads} heads, floor {floor:.2f}:", end="")
            for name, own, dense in (("training", blocks, whole), ("inference", blocks_forward, whole_forward)):
                share = own.median / dense.median
                print(
                    f"  {name} {1e3 * own.median:7.2f} ms, one head {1e3 * dense.median:7.2f}, share {share:.2f}",
                    end="",
                )
            print()


if __name__ == "__main__":
    main()
