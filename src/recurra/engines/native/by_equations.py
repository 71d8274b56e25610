"""What the core cannot do, computed by the reference engine from the same tensors: derivatives of derivatives, batched
gradients, torch.func's transforms, forward mode."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from recurra.engines.native.calls import Inputs
from recurra.engines.native.compiled import Form
from recurra.engines.reference import Reference
from recurra.engines.request import CellWeights, Embedded, Request, State

log = logging.getLogger("recurra.engines")
_said: set[str] = set()


def say_once(why: str) -> None:
    """Log that the slow engine runs, and for what."""
    if why not in _said:
        _said.add(why)
        log.warning("%s: computed step by step from the equations, which is slower than the compiled core", why)


def request_of(form: Form, inputs: Inputs) -> Request:
    """The request that these inputs of the core answer."""
    mask = inputs.state[-1] if form.masked else None
    return Request(
        form.cell,
        CellWeights.of(dict(zip(form.stored, inputs.weights, strict=False)), form.heads(inputs.weights)),
        inputs.x if inputs.table is None else Embedded(inputs.x, inputs.table),
        inputs.state if mask is None else inputs.state[:-1],
        inputs.lengths,
        inputs.reverse,
        mask,
        form.bias,
        inputs.weights[len(form.stored) :],
    )


def run(form: Form, inputs: Inputs) -> tuple[Tensor, State]:
    """Outputs and last states, the mask as the last one where there is one."""
    y, last = Reference().run(request_of(form, inputs))
    return y, (*last, inputs.state[-1].clone()) if form.masked else last


def gradients(
    form: Form, inputs: Inputs, incoming: Sequence[Tensor | None], wanted: Sequence[bool]
) -> list[Tensor | None]:
    """Gradients of x, the table, the states, the weights and what is given; with a graph of their own where gradients
    are recorded.

    incoming: of y and of each last state; wanted: for each gradient in this order.
    """
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views: a tensor in two places is two leaves, and no path leads through what one leaf was computed from.
        vectors = inputs.x if inputs.table is None else inputs.table
        leaves = [_leaf(t, again) for t in (vectors, *inputs.state, *inputs.weights)]
        first, state, weights = leaves[0], leaves[1 : 1 + form.states], leaves[1 + form.states :]
        given = replace(inputs, state=tuple(state), weights=tuple(weights))
        given = replace(given, x=first) if inputs.table is None else replace(given, table=first)
        y, last = run(form, given)
        pairs = [(r, d) for r, d in zip((y, *last), incoming, strict=True) if d is not None and r.requires_grad]
        needed = [wanted[0] or wanted[1], *wanted[2:]]
        chosen = [i for i, want in enumerate(needed) if want]
        found: list[Tensor | None] = [None] * len(leaves)
        if pairs:
            results = torch.autograd.grad(
                [r for r, _ in pairs],
                [leaves[i] for i in chosen],
                [d for _, d in pairs],
                create_graph=again,
                allow_unused=True,
            )
            for i, gradient in zip(chosen, results, strict=True):
                found[i] = gradient
    head = (found[0], None) if inputs.table is None else (None, found[0])
    return [*head, *found[1:]]


def _leaf(tensor: Tensor, again: bool) -> Tensor:
    if again and tensor.requires_grad:
        return tensor.view_as(tensor)
    return tensor.detach().requires_grad_()
