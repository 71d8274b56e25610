"""One input on its way through one model, as far as it has been read."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from recurra.errors import UnknownNameError, UsageError
from recurra.inspection.trace import courses
from recurra.inspector.strips import Strip, Windows
from recurra.inspector.thoughts import AsRead, Thoughts, Whole
from recurra.layers.stack import Stack
from recurra.layers.stepping import KeptStreams, stepping
from recurra.tasks.answer import Answer
from recurra.tasks.forward_pass import ForwardPass

FIRST, BLOCK = 16, 64
"""Steps that are read at a time, at first and then: a long text can be shown while it is read, and given up."""
MOST_BYTES = 1 << 30
"""Of the states of all readings of a page: the oldest go; an input that needs more is refused."""
_numbers = itertools.count(1)


class Reading:
    """What a network does with an input.

    A network that reads forward alone reads in blocks, and goes on from an earlier reading where the texts part.
    number: by which a page asks for it; shared: steps that are those of the earlier one
    indices: of the classes, by name, for `AsRead`; prepared: weights as engines take them, kept between readings
    windows: where the values of strips are kept; most: bytes of states
    Errors: UsageError for an input that needs more
    """

    def __init__(
        self,
        network: nn.Module,
        given: ForwardPass,
        indices: Mapping[str, int],
        before: Reading | None = None,
        prepared: KeptStreams | None = None,
        windows: Windows | None = None,
        most: int = MOST_BYTES,
    ) -> None:
        self.number = next(_numbers)
        self.network, self.given, self._prepared = network, given, prepared
        self._windows, self._most = Windows() if windows is None else windows, most
        self.strips: dict[str, Strip] = {}
        self.thoughts: Thoughts | None = None
        self._answer: Answer | None = None
        self._begun, self.shared = False, 0
        if given.part is None:
            if given.probabilities is not None:
                self.thoughts = Whole(given)
            self.total, self.read = max(map(len, given.steps.values())), 0
            self._check_size()
            return
        ((self.stack, self.tokens),) = given.steps.items()
        self.total, self.read = len(self.tokens), 0
        self._check_size()
        self.thoughts = AsRead(given.classes, given.at, indices)
        if before is not None and before.given.part is not None and isinstance(before.thoughts, AsRead):
            shared = min(same(self.tokens, before.tokens), before.read)
            # what follows the last one of them is another token; of the last that was read this is kept
            self._go_on(before, shared if shared == before.read else max(0, shared - 1))
        self.shared = self.read

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
                    strip = Strip(name, self.given.steps[name], parts, self._windows)
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
        self.network.eval()
        with stepping(self.network, self._prepared) as found:
            chances = some.probabilities()
        for course in found[self.stack]:
            strip = Strip(self.stack, self.tokens, [course], self._windows)
            if strip.key in self.strips:
                self.strips[strip.key].extend([course])
            else:
                self.strips[strip.key] = strip
        self.thoughts.extend(chances)
        self.read = stop

    def _check_size(self) -> None:
        """Errors: UsageError for an input whose states are more than may be kept"""
        if self.bytes_needed > self._most:
            raise UsageError(
                f"the states of {self.total:,} steps are {self.bytes_needed / 2**20:,.0f} MB, of which "
                f"{self._most / 2**20:,.0f} are kept; give {self._most * self.total // self.bytes_needed:,} steps at "
                "most"
            )

    @cached_property
    def bytes_needed(self) -> int:
        """For the states of all its steps, at most."""
        stacks = {name: each for name, each in self.network.named_modules() if isinstance(each, Stack)}
        rows = [(stacks[name], len(tokens)) for name, tokens in self.given.steps.items() if name in stacks]
        return sum(_step_bytes(stack) * steps for stack, steps in rows)

    def storages(self) -> dict[int, int]:
        """Bytes of the states that it keeps, by where they are: readings that share steps share these."""
        return {place: size for strip in self.strips.values() for place, size in strip.storages().items()}

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


def _step_bytes(stack: Stack) -> int:
    """What is kept of a step at most, in float32."""
    states = 2 * sum(stack.state_widths)  # before and after it
    widths = [stack.input_size] + (stack.num_layers - 1) * [stack.state_widths[0] * stack.num_directions]
    return 4 * stack.num_directions * sum(width + states for width in widths)


def same(some: Sequence[str], others: Sequence[str]) -> int:
    """How many they begin with alike."""
    most = min(len(some), len(others))
    for start in range(0, most, BLOCK):
        stop = min(start + BLOCK, most)
        if some[start:stop] != others[start:stop]:
            return next(k for k in range(start, stop) if some[k] != others[k])
    return most
