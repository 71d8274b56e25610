"""One input on its way through one model, as far as it has been read."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from recurra.errors import UnknownNameError
from recurra.inspection.trace import courses
from recurra.inspector.strips import Floats, Strip
from recurra.inspector.thoughts import AsRead, Thoughts, Whole
from recurra.layers.stepping import KeptStreams
from recurra.tasks.answer import Answer
from recurra.tasks.forward_pass import ForwardPass

FIRST, BLOCK = 16, 64
"""Steps that are read at a time, at first and then: a long text can be shown while it is read, and given up."""
_numbers = itertools.count(1)


class Reading:
    """What a network does with an input.

    A network that reads forward alone reads in blocks, and goes on from an earlier reading where the texts part.
    number: by which a page asks for it; indices: of the classes, by name, for `AsRead`; prepared: weights
    as engines take them, kept between readings
    """

    def __init__(
        self,
        network: nn.Module,
        given: ForwardPass,
        indices: Mapping[str, int],
        before: Reading | None = None,
        prepared: KeptStreams | None = None,
    ) -> None:
        self.number = next(_numbers)
        self.network, self.given, self._prepared = network, given, prepared
        self.strips: dict[str, Strip] = {}
        self.thoughts: Thoughts | None = None
        self._answer: Answer | None = None
        self._begun = False
        if given.part is None:
            if given.probabilities is not None:
                self.thoughts = Whole(given)
            self.total, self.read = max(map(len, given.steps.values())), 0
            return
        ((self.stack, self.tokens),) = given.steps.items()
        self.total, self.read = len(self.tokens), 0
        self.thoughts = AsRead(given.classes, given.at, indices)
        if before is not None and before.given.part is not None and isinstance(before.thoughts, AsRead):
            shared = min(_same(self.tokens, before.tokens), before.read)
            self._go_on(before, max(0, shared - 1))  # what follows the last one of them is another token

    @property
    def complete(self) -> bool:
        return self.read == self.total

    def advance(self, seconds: float) -> None:
        """Read for so long, at least a block. A network that needs the whole reads it."""
        if self.complete:
            return
        end = time.monotonic() + seconds
        if self.given.part is None:
            for name, stacks in courses(self.network, self.given, self.given.run, prepared=self._prepared).items():
                for parts in stacks:
                    strip = Strip(name, self.given.steps[name], parts)
                    self.strips[strip.key] = strip
            self.read = self.total
            return
        while not self.complete:
            self._block()
            if time.monotonic() >= end:
                return

    def strip(self, key: str) -> Strip:
        """Errors: UnknownNameError"""
        if key not in self.strips:
            raise UnknownNameError("layer", key, self.strips)
        return self.strips[key]

    @property
    def answer(self) -> Answer:
        """What the model says in the end."""
        if self._answer is None:
            self._answer = self.given.answer()
        return self._answer

    @torch.no_grad()
    def _block(self) -> None:
        assert self.given.part is not None
        assert isinstance(self.thoughts, AsRead)
        stop = min(self.read + (BLOCK if self._begun else FIRST), self.total)
        self._begun = True
        some = self.given.part(self.read, stop, self._state())
        assert some.probabilities is not None
        found: list[Floats] = []
        read = some.probabilities
        steps = courses(self.network, some, lambda: found.append(read()), prepared=self._prepared)
        for parts in steps[self.stack]:
            strip = Strip(self.stack, self.tokens, parts)
            if strip.key in self.strips:
                self.strips[strip.key].extend(parts)
            else:
                self.strips[strip.key] = strip
        self.thoughts.extend(found[0])
        self.read = stop

    def _state(self) -> tuple[Tensor, ...] | None:
        """After what was read, as a stack takes it: each [L, 1, H]."""
        if not self.read:
            return None
        last = [strip.courses[-1].after for strip in self.strips.values()]
        return tuple(torch.stack([state[:, -1] for state in states]) for states in zip(*last, strict=True))

    def _go_on(self, before: Reading, steps: int) -> None:
        if not steps:
            return
        assert isinstance(self.thoughts, AsRead)
        assert isinstance(before.thoughts, AsRead)
        self.strips = {key: strip.until(steps, self.tokens) for key, strip in before.strips.items()}
        self.thoughts.goes_on(before.thoughts, steps)
        self.read = steps


def _same(some: Sequence[str], others: Sequence[str]) -> int:
    """How many they begin with alike."""
    count = 0
    for one, other in zip(some, others, strict=False):
        if one != other:
            break
        count += 1
    return count
