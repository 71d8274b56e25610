"""The products of a training step, counted while a network runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from recurra.bench.arithmetic import Whole, whole
from recurra.bench.cases import Precision
from recurra.bench.roofline import BYTES, Work, layer_work, together
from recurra.engines.request import Embedded
from recurra.layers.stack import Stack
from recurra.training.muon import EVERY


@dataclass(frozen=True)
class Counted:
    """What a training step has to do: its products, and of its recurrent layers what is elementwise and moved.

    elementwise: operations; moved: bytes. See `arithmetic.whole`
    """

    work: Work
    elementwise: int
    moved: int

    def whole(self, update: Work) -> Whole:
        """All of it, with the products of an optimizer's step. What lies between the layers, such as additive
        attention's tanh and its sum, and what an optimizer has beside products is not in it, so that no step can
        take less.
        """
        return Whole(self.work.flops + update.flops, self.elementwise, self.moved)


def counted(network: nn.Module, forward: Callable[[], object], precision: Precision) -> Counted:
    """What a training step has to do whose forward pass is `forward`.

    Recurrent layers by their formula, whichever engine runs them, over the real steps of ragged rows; all other
    products as torch's counter sees them. Backward is twice forward.
    """
    works: list[Counted] = []
    begun: list[int] = []
    inside = 0
    counter = FlopCounterMode(display=False)

    def enter(stack: nn.Module, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        begun.append(counter.get_total_flops())
        assert isinstance(stack, Stack)
        works.extend(_layers(stack, args[0], given.get("lengths"), precision))

    def leave(_stack: nn.Module, _args: Any, _outputs: Any) -> None:
        nonlocal inside
        inside += counter.get_total_flops() - begun.pop()

    stacks = [module for module in network.modules() if isinstance(module, Stack)]
    hooks = [stack.register_forward_pre_hook(enter, with_kwargs=True) for stack in stacks]
    hooks += [stack.register_forward_hook(leave) for stack in stacks]
    try:
        with torch.no_grad(), counter:
            forward()
    finally:
        for hook in hooks:
            hook.remove()
    products = together(*(w.work for w in works), Work(3 * (counter.get_total_flops() - inside), 0, 0))
    return Counted(products, sum(w.elementwise for w in works), sum(w.moved for w in works))


def counted_update(optimizer: torch.optim.Optimizer) -> Work:
    """The products of an optimizer's step, as torch's counter sees them; every weight that learns has a gradient.

    Of Muon, whose gates take turns, the mean of a round.
    """
    counter = FlopCounterMode(display=False)
    with counter:
        for _ in range(EVERY):
            optimizer.step()
    return Work(counter.get_total_flops() // EVERY, 0, 0)


def _layers(stack: Stack, x: Any, lengths: torch.Tensor | None, precision: Precision) -> list[Counted]:
    """Every layer and direction. A token table is projected once where that is shorter."""
    shape = x.tokens.shape if isinstance(x, Embedded) else x.shape
    batch, time = int(shape[0]), int(shape[1])
    rows, steps = (batch * time, time) if lengths is None else (int(lengths.sum()), int(lengths.max()))
    found = []
    for layer in range(stack.num_layers):
        width = stack.input_size if layer == 0 else stack.output_size
        projected = min(len(x.table), rows) if layer == 0 and isinstance(x, Embedded) else None
        work = layer_work(
            stack.cell,
            width,
            stack.hidden_size,
            rows=rows,
            steps=steps,
            precision=precision,
            training=True,
            projected=projected,
        )
        beside = whole(stack.cell, width, stack.hidden_size, rows=rows, precision=precision)
        unread = 0 if projected is None else 3 * width * (rows - projected)  # of a table that is projected once
        moved = beside.moved - BYTES["float32"] * unread
        found += [Counted(work, beside.elementwise, moved)] * stack.num_directions
    return found
