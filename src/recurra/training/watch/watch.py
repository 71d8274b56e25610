"""A training that is watched: cheap numbers of every step, a close look at some."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from recurra.engines.request import Embedded
from recurra.layers.recording import Call, recorded
from recurra.layers.stepping import step_through
from recurra.topologies.embedding import TokenTable
from recurra.training.checkpoint import Counters
from recurra.training.history import Clock
from recurra.training.settings import TrainingSettings
from recurra.training.watch.flow import flow_of
from recurra.training.watch.layers import gates_of, radii_of
from recurra.training.watch.record import LayerLook, Look, Spike, Watched

SHARE = 0.04
"""Of the time that close looks may take."""
ROWS = 16
"""Rows of a batch that are gone through again in a look."""
MOST_STEPS = 1000
"""Steps of these; of longer ones the last, which begin from zero states."""
MOST_SPIKES, WARM, MEMORY = 20, 20, 0.95
"""Spikes that are kept, steps before the first, and how slowly their measure follows the loss."""
FAR, MUCH = 8.0, 1.5
"""Deviations above the usual loss, and times it, from which one is a spike."""


@dataclass
class _Step:
    """The step that is being looked at.

    gradients: of the outputs (0) and the last output state (1) of each call, by its number
    """

    network: nn.Module
    calls: list[Call]
    gradients: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    before: dict[str, Tensor] = field(default_factory=dict)
    norms: dict[str, float] = field(default_factory=dict)
    layers: list[LayerLook] = field(default_factory=list)


class Watch:
    """See observer.Observer. It draws no random numbers of the training's, and leaves the network as it is.

    share: of the time that close looks may take; every: look at every so many steps instead; say: hears of each look
    """

    def __init__(
        self,
        settings: TrainingSettings,
        *,
        share: float = SHARE,
        every: int | None = None,
        say: Callable[[Look, Watched], None] | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.settings, self.share, self.every, self.say, self.clock = settings, share, every, say, clock
        self.seen = Watched()
        self._begun: float | None = None
        self._spent = self._last = 0.0
        self._step: _Step | None = None
        self._counters = Counters()
        self._mean, self._square = math.nan, 0.0

    @contextmanager
    def reading(self, network: nn.Module, counters: Counters) -> Iterator[None]:
        self._counters, self._step = counters, None
        if self._begun is None:
            self._begun = self.clock()
            named = dict(network.named_parameters())
            tables = {id(m.weight) for m in network.modules() if isinstance(m, (TokenTable, nn.Embedding))}
            self.seen.tables = [name for name, p in named.items() if id(p) in tables]
            self.seen.frozen = [name for name, p in named.items() if not p.requires_grad]
        if not self._due():
            yield
            return
        with recorded(network) as calls:
            yield
        self._step = _Step(network, calls)
        for number, call in enumerate(calls):
            for which, tensor in enumerate((call.outputs, call.last[0])):
                if tensor.requires_grad:
                    keep = _keeping(self._step.gradients, (number, which))
                    tensor.register_hook(keep)  # type: ignore[no-untyped-call]

    def _due(self) -> bool:
        step = self._counters.step + 1
        if self.every is not None:
            return step % self.every == 0 or step == 1
        assert self._begun is not None
        return not self.seen.looks or self._spent + self._last < self.share * (self.clock() - self._begun)

    def graded(self, loss: float, norm: float) -> None:
        seen, counters = self.seen, self._counters
        seen.steps += 1
        if not (math.isfinite(loss) and math.isfinite(norm)):
            seen.diverged = counters.step + 1
        else:
            seen.losses.add(loss)
            seen.norms.add(norm)
            self._note_spike(loss)
        limit = self.settings.clip_norm
        if self.settings.clip_value is None and limit is not None and norm > limit:
            seen.clipped += 1
        if self._step is not None:
            begun = self.clock()
            for name, p in self._step.network.named_parameters():
                if p.requires_grad:
                    self._step.before[name] = p.detach().clone()
                    self._step.norms[name] = 0.0 if p.grad is None else float(p.grad.norm())
            for number, call in _longest_calls(self._step.calls):
                self._step.layers += _layers(
                    call, self._step.gradients.get((number, 0)), self._step.gradients.get((number, 1))
                )
            self._last = self.clock() - begun
        if seen.diverged is not None:
            self.stepped()  # which nobody will say any more

    def stepped(self) -> None:
        if self._begun is not None:
            self.seen.seconds = self.clock() - self._begun
        if self._step is None:
            return
        begun, step = self.clock(), self._step
        self._step = None
        look = Look(self.seen.steps, self._counters.epoch, tuple(step.layers), self._changes(step), step.norms)
        self.seen.looks.append(look)
        self._last += self.clock() - begun
        self._spent += self._last
        if self.say is not None:
            self.say(look, self.seen)

    def finished_look(self) -> Look:
        """The step that is being looked at, which no optimizer will take."""
        step, self._step = self._step, None
        assert step is not None
        return Look(self.seen.steps, 0, tuple(step.layers), {}, step.norms)

    def _changes(self, step: _Step) -> dict[str, float]:
        """Of each parameter that is not all zeros, how large its last change was, as a share of its size."""
        named = dict(step.network.named_parameters())
        sizes = {name: float(before.norm()) for name, before in step.before.items()}
        return {
            name: float((named[name].detach() - before).norm()) / sizes[name]
            for name, before in step.before.items()
            if sizes[name] > 0
        }

    def _note_spike(self, loss: float) -> None:
        counters = self._counters
        if math.isnan(self._mean):
            self._mean = loss
        deviation = math.sqrt(max(self._square, 1e-12))
        if self.seen.steps > WARM and loss > self._mean + FAR * deviation and loss > MUCH * abs(self._mean):
            if len(self.seen.spikes) < MOST_SPIKES:
                self.seen.spikes.append(
                    Spike(counters.step + 1, counters.epoch, counters.step_in_epoch, loss, self._mean)
                )
            loss = self._mean + FAR * deviation  # one spike is not to hide the next
        away = loss - self._mean
        self._mean += (1 - MEMORY) * away
        self._square = MEMORY * (self._square + (1 - MEMORY) * away * away)


def _keeping(gradients: dict[tuple[int, int], Tensor], key: tuple[int, int]) -> Any:
    def keep(gradient: Tensor | None) -> None:
        if gradient is not None:
            gradients[key] = gradient.detach()

    return keep


def _longest_calls(calls: list[Call]) -> list[tuple[int, Call]]:
    """Of each stack the call of the most steps, the last of equals: one that is called in pieces has many."""
    chosen: dict[str, int] = {}
    for number, call in enumerate(calls):
        best = chosen.get(call.name)
        if best is None or _steps(call) >= _steps(calls[best]):
            chosen[call.name] = number
    return [(number, calls[number]) for number in chosen.values()]


def _steps(call: Call) -> int:
    return call.outputs.shape[1]


def _layers(call: Call, gradient: Tensor | None, of_state: Tensor | None) -> list[LayerLook]:
    """A call gone through again, a few rows of it: the longest and others evenly spread.

    gradient, of_state: of the loss in the outputs and in the last output states
    Shapes: gradient [B, T, D*H], of_state [L*D, B, H]
    """
    x = call.x.without_padding() if isinstance(call.x, Embedded) else call.x
    batch, time = call.outputs.shape[:2]
    lengths = torch.full((batch,), time) if call.lengths is None else call.lengths.cpu()
    order = lengths.argsort(descending=True, stable=True)
    rows = torch.unique(torch.cat([order[:2], order[:: max(1, batch // ROWS)]]))[: ROWS + 2]
    here = rows.to(call.outputs.device)
    kept = _rows(x, here)
    lengths, state = lengths[rows], None if call.state is None else tuple(s.detach()[:, here] for s in call.state)
    grown = None if gradient is None else gradient[here]
    ends = None if of_state is None else of_state[:, here]
    longest = int(lengths.max())
    start = longest - MOST_STEPS if longest > MOST_STEPS and not call.stack.bidirectional else 0
    if start:
        keep = (lengths > start).nonzero().squeeze(1)
        kept, lengths, state = kept[keep, start:], lengths[keep] - start, None
        grown = None if grown is None else grown[keep, start:]
        ends = None if ends is None else ends[:, keep]
    kept = kept[:, : int(lengths.max())].detach()
    with torch.no_grad():
        courses = step_through(call.stack, kept, state, lengths=lengths)
    found = []
    top = call.stack.num_layers - 1
    for course in courses:
        reverse = "_reverse" if course.direction else ""
        own = _own_half(call, grown, course.direction) if course.layer == top else None
        row = course.layer * call.stack.num_directions + course.direction
        found.append(
            LayerLook(
                f"{call.name}.l{course.layer}{reverse}",
                flow_of(
                    course,
                    own,
                    None if ends is None else ends[row],
                ),
                gates_of(course),
                radii_of(course),
                int(lengths.max()),
            )
        )
    return found


def _rows(x: Tensor | Embedded, rows: Tensor) -> Tensor:
    if isinstance(x, Embedded):
        return Embedded(x.tokens[rows], x.table.detach()).dense()
    return x.detach()[rows]


def _own_half(call: Call, gradient: Tensor | None, direction: int) -> Tensor | None:
    """What of the outputs' gradient is this direction's."""
    if gradient is None or call.stack.num_directions == 1 or call.stack.merge == "sum":
        return gradient
    return gradient.chunk(2, -1)[direction]
