"""A trained model behind a page: what it is, what it reads, and the readings that a page may still ask about."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from recurra.api.evaluation import trained_on
from recurra.api.run import Run
from recurra.errors import DataError, UsageError
from recurra.inspector.contexts import Contexts
from recurra.inspector.reading import MOST_BYTES, Reading
from recurra.inspector.strips import Windows
from recurra.layers.stepping import KeptStreams
from recurra.tasks import registry
from recurra.tasks.abilities import (
    Choosing,
    Conditioned,
    GoingOn,
    Listening,
    ReadingFiles,
    ReadingText,
    ShowingInputs,
    Traceable,
    able,
)
from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.own_inputs import OwnInput

KEPT = 6
"""Readings that can be asked about."""
OFFERED = 12
"""Inputs of the run's own data."""
MANY = 200
"""Conditions that are offered."""


class Inspected:
    """A run, used by one thread at a time: hold `lock`."""

    def __init__(self, run: Run) -> None:
        self.run, self.model = run, run.model
        able(run.model, Traceable, "let itself be looked into")
        self.lock = threading.RLock()
        self._readings: OrderedDict[int, Reading] = OrderedDict()
        self._dataset: Any = None
        self._by_name: dict[str, int] | None = None
        self.prepared: KeptStreams = {}
        self._windows = Windows()
        self.contexts = Contexts(self)

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.run.folder.resolve().name

    @property
    def reads(self) -> str:
        """What can be typed: text, series, numbers; nothing where it is pictures."""
        if isinstance(self.model, ReadingText | Choosing):
            return "text"
        if isinstance(self.model, GoingOn):
            return "series"
        return (
            "pictures" if isinstance(self.model, ReadingFiles) and not isinstance(self.model, Listening) else "numbers"
        )

    @property
    def writes(self) -> bool:
        return isinstance(self.model, Choosing)

    @cached_property
    def conditions(self) -> list[str]:
        """What a generator can be asked for, the most frequent first; none of other models."""
        return self.model.conditions()[:MANY] if isinstance(self.model, Conditioned) else []

    def read(
        self,
        given: Any,
        options: Mapping[str, Any] | None = None,
        *,
        before: int | None = None,
        reference: int | None = None,
        seconds: float = 0.05,
    ) -> Reading:
        """Begin to read an input, going on from an earlier reading where that is possible.

        before: the earlier one; reference: another that is still wanted; they are kept for longer. Errors: UsageError
        """
        model: Traceable = able(self.model, Traceable, "let itself be looked into")
        found = model.forward_pass(given, **(options or {}))
        earlier = self.kept(before)
        reading = Reading(
            self.run.network, found, self._indices(found), earlier, self.prepared, self._windows, MOST_BYTES
        )
        reading.advance(seconds)
        for number in (before, reference):
            if number is not None and number in self._readings:
                self._readings.move_to_end(number)
        self._readings[reading.number] = reading
        while len(self._readings) > KEPT or (len(self._readings) > 1 and self.bytes > MOST_BYTES):
            self._readings.popitem(last=False)
        return reading

    @property
    def bytes(self) -> int:
        """Of the states of all readings, which those that go on from others share with them; what is to be read too."""
        whole = sum(reading.bytes_needed for reading in self._readings.values())
        if whole <= MOST_BYTES:  # a bound that costs nothing
            return whole
        held: dict[int, int] = {}
        for reading in self._readings.values():
            held |= reading.storages()
        return sum(held.values())

    def kept(self, number: int | None) -> Reading | None:
        """A reading, if it is kept still."""
        return None if number is None else self._readings.get(number)

    def reading(self, number: int) -> Reading:
        """Errors: UsageError for one that is not kept any more"""
        if number not in self._readings:
            raise UsageError(f"reading {number} is not kept any more; read the input again")
        self._readings.move_to_end(number)
        return self._readings[number]

    def own_inputs(self, part: str | None = None, count: int = OFFERED) -> list[OwnInput]:
        """Inputs of the run's data. part: what it was evaluated on if None. Errors: DataError if they are gone"""
        task = registry.get(self.run.task).task
        if not isinstance(task, ShowingInputs):
            return []
        if self._dataset is None:
            self._dataset = trained_on(self.run)
        return task.own_inputs(self._dataset, part or self._dataset.evaluated_on, count)

    @cached_property
    def offered(self) -> list[OwnInput]:
        """Inputs to begin with: of the run's own data, or, if these are gone, what the model keeps."""
        try:
            return self.own_inputs()
        except DataError:
            if isinstance(self.model, GoingOn):
                return [OwnInput("the run's own series", self.model.tail())]
            raise

    def typed(self, text: str) -> Any:
        """What was typed, as the model takes it: a text, or rows of numbers. Errors: UsageError"""
        if self.reads == "text":
            return text
        rows = [line.replace(",", " ").replace(";", " ").split() for line in text.splitlines() if line.strip()]
        try:
            found = [[float(cell) for cell in row] for row in rows]
        except ValueError as error:
            raise UsageError(f"expected numbers, a row for each step: {error}") from error
        if len({len(row) for row in found}) > 1:
            raise UsageError(f"rows have {min(map(len, found))} to {max(map(len, found))} numbers; give each as many")
        values = np.array(found, np.float64)
        return values.flatten() if self.reads == "series" and 1 in values.shape else values

    def _indices(self, found: ForwardPass) -> Mapping[str, int]:
        """Where each class stands, remembered for the classes of a model."""
        if found.part is None:
            return {}
        if self._by_name is None:
            self._by_name = {name: place for place, name in enumerate(found.classes)}
        return self._by_name
