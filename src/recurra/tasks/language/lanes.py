"""Many texts that are read and written at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from recurra.engines.request import State
from recurra.errors import RecurraError, UsageError
from recurra.tasks.decoding.detokenizer import Detokenizer
from recurra.tasks.lanes import OBJECTS
from recurra.tasks.language.writing import Sampling, Writing
from recurra.tasks.model import refuse_options
from recurra.topologies.gathered_steps import GatheredSteps

if TYPE_CHECKING:
    from recurra.tasks.language.model import LanguageModel

CHUNK = 64
"""Tokens of a text that are read in one call; the bits of an answer depend on it, so it is the same for all."""
CHUNKS = 8
"""Read in one step of all texts, so that a long one does not keep others waiting."""


class TextLanes:
    """See tasks.lanes.Lanes. Drawn with the same seed, a text is the one that it is alone."""

    def __init__(self, model: LanguageModel) -> None:
        self.model, network = model, model.network
        self._steps = GatheredSteps(network.stack, network.head)
        self._table, self._gain = network.table.weight.detach(), network.table.gain
        self.bytes = self._steps.bytes + OBJECTS

    def new(self, **options: Any) -> TextLane:
        """A text without anything in it yet."""
        refuse_options(self.model, options)
        return TextLane(self.model, self._steps.start)

    @torch.inference_mode()
    def advance(self, lanes: Sequence[TextLane]) -> None:
        """Of texts that are being read chunks, as many as CHUNKS allow; of those that are read whole one token more."""
        left = CHUNKS
        for lane in lanes:
            while left and len(lane.waiting) > 1:
                self._read_chunk(lane)
                left -= 1
        ready = [lane for lane in lanes if len(lane.waiting) == 1]
        if not ready:
            return
        x = self._table[[lane.waiting[0] for lane in ready]]
        y, states = self._steps.step(x if self._gain == 1 else x * self._gain, [lane.state for lane in ready])
        for lane, state, scores in zip(ready, states, self._steps.outputs(y).float(), strict=True):
            try:
                lane.take(state, scores)
            except RecurraError as error:
                lane.failed = error

    def _read_chunk(self, lane: TextLane) -> None:
        count = min(CHUNK, len(lane.waiting) - 1)
        tokens = torch.tensor([[lane.waiting.popleft() for _ in range(count)]])
        _, state = self.model.network.hidden(tokens, state=tuple(s.unsqueeze(1) for s in lane.state))
        lane.state = tuple(s[:, 0].clone() for s in state)


class TextLane:
    """See tasks.lanes.Lane. The newest token waits: it is read with the next call, which asks what follows it.

    state: before what waits; drawn: tokens of the last text that was written
    """

    def __init__(self, model: LanguageModel, state: State) -> None:
        self._model, self.state = model, state
        self.waiting: deque[int] = deque()
        self.failed: RecurraError | None = None
        self._detokenizer = Detokenizer(model.vocabulary, "")
        self._writing: Writing | None = None
        self._top: int | None = None
        self._answers: list[dict[str, Any]] = []
        self.drawn = 0

    @property
    def busy(self) -> bool:
        asked = self._top is not None or (self._writing is not None and not self._writing.ended)
        return self.failed is None and asked

    @property
    def stopped(self) -> bool:
        """Whether the last text came to a stop string."""
        return self._writing is not None and self._writing.stopped

    def generate(self, text: str, length: int, how: Sampling) -> None:
        """Read a text, then write so many tokens. Errors: UsageError, with nothing read"""
        tokens = self._tokens(text)
        detokenizer = Detokenizer(self._model.vocabulary, text) if text or not self.waiting else self._detokenizer
        self._writing = Writing([*self.waiting, *tokens], detokenizer, length, how)
        self._detokenizer, self._top, self.drawn = detokenizer, None, 0
        self.waiting.extend(tokens)

    def predict(self, text: str, top: int) -> None:
        """Read a text, then say what may follow: the `top` most probable tokens. Errors: UsageError"""
        if top < 1:
            raise UsageError(f"top must be a whole number from 1, got {top}")
        self.waiting.extend(self._tokens(text))
        self._writing, self._top = None, top
        if text:
            self._detokenizer = Detokenizer(self._model.vocabulary, text)

    def answers(self) -> list[dict[str, Any]]:
        found, self._answers = self._answers, []
        return found

    def take(self, state: State, scores: Tensor) -> None:
        """What follows the token that waited. Errors: ModelFolderError for scores that are no numbers"""
        if self._writing is None:
            top, self._top = self._top or 1, None
            self._answers.append({"next": self._model.shown(self._model.best(scores, top))})
            return
        token, text = self._writing.draw(scores)
        self.state = state
        self.waiting.clear()
        self.waiting.append(token)
        self.drawn += 1
        if text:
            self._answers.append({"text": text})

    def _tokens(self, text: str) -> list[int]:
        return self._model.prompt_ids(text) if text or not self.waiting else []
