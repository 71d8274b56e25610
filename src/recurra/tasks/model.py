"""A trained model in use: what every task's model may be asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from torch import nn

from recurra.errors import UsageError
from recurra.tasks import given


class Model(ABC):
    """The base of every task's trained model. What only some can do stands in tasks.abilities.

    does: what it does, for people ("it classifies texts"); unit: what `evaluate` counts; alternatives: answers that
    are shown for an input unless so many are asked for, None where there are no alternatives; searching: a dataclass of
    what `predict` reads beside its own arguments.
    """

    does: ClassVar[str]
    unit: ClassVar[str] = "examples"
    alternatives: ClassVar[int | None] = None
    searching: ClassVar[type | None] = None
    network: nn.Module

    @abstractmethod
    def predict(self, inputs: Any, /, *args: Any, **options: Any) -> list[Any]:
        """One answer for each input; a model with alternatives reads `top`: so many in an answer, best first.

        inputs: as `checked` gives them. Errors: UsageError for an option that it does not read
        """

    @abstractmethod
    def checked(self, inputs: Any) -> Any:
        """What a user gives in Python, as `predict` takes it. Errors: UsageError"""

    def commands(self, folder: str) -> list[str]:
        """What to try on the command line with the model in this folder; `recurra` stands before each."""
        return [f"evaluate {folder}"]

    def rows(self, predictions: Sequence[Any]) -> list[list[str]]:
        """Predictions as the rows of a table on a terminal."""
        raise NotImplementedError

    def document(self, predictions: Sequence[Any]) -> list[dict[str, Any]]:
        """Predictions as plain values."""
        raise NotImplementedError

    def cannot(self, what: str) -> UsageError:
        """An error that says what it does instead."""
        return UsageError(f"this model does not {what}: {self.does}")


class TextModel(Model):
    """The base of models that read texts."""

    alternatives: ClassVar[int | None] = 3

    def checked(self, inputs: Any) -> list[str]:
        return given.texts(inputs)

    def commands(self, folder: str) -> list[str]:
        return [f'predict {folder} "a text"', f"evaluate {folder}"]

    def truncated(self, texts: Sequence[str]) -> int:
        """How many of the texts it reads only the beginning of, and does not say so in its answer."""
        return 0

    def unknown(self, texts: Sequence[str]) -> list[str]:
        """The distinct pieces of the texts that the model has never seen."""
        return []


def refuse_options(model: Model, options: dict[str, Any]) -> None:
    """Errors: UsageError if any option was given to a model that reads none of them"""
    if options:
        names = ", ".join(sorted(options))
        raise UsageError(f"this model reads no option {names}: {model.does}")
