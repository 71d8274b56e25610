"""A trained model in use: what every task's model may be asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from torch import nn

from recurra.errors import UsageError
from recurra.tasks.word_vectors.table import WordVectors


class Model:
    """The base of every task's trained model; a task overrides what it does.

    does: what it does, for people ("it classifies texts"); unit: what `evaluate` counts; alternatives: answers that
    are shown for a text unless so many are asked for.
    Errors: UsageError for what the task does not do
    """

    does: ClassVar[str]
    unit: ClassVar[str] = "examples"
    alternatives: ClassVar[int] = 3
    network: nn.Module

    def predict(self, texts: str | Sequence[str], *, top: int = 1, **options: Any) -> list[Any]:
        """One answer for each text; top: alternatives in an answer, best first."""
        raise self._cannot("predict")

    def commands(self, folder: str) -> list[str]:
        """What to try on the command line with the model in this folder; `recurra` stands before each."""
        return [f'predict {folder} "a text"', f"evaluate {folder}"]

    def predict_proba(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Of each text, the probability of each class in the order of the classes [N, C]."""
        raise self._cannot("give class probabilities")

    def rows(self, predictions: Sequence[Any]) -> list[list[str]]:
        """Predictions as the rows of a table on a terminal."""
        raise NotImplementedError

    def document(self, predictions: Sequence[Any]) -> list[dict[str, Any]]:
        """Predictions as plain values."""
        raise NotImplementedError

    def cut(self, texts: Sequence[str]) -> int:
        """How many of the texts it reads only the beginning of, and does not say so in its answer."""
        return 0

    def unknown(self, texts: Sequence[str]) -> list[str]:
        """The distinct pieces of the texts that the model has never seen."""
        return []

    def generate(self, prompt: str = "", length: int | None = None, *args: Any, **sampling: Any) -> Any:
        """New text."""
        raise self._cannot("generate text")

    def stream(self, prompt: str = "", length: int | None = None, *args: Any, **sampling: Any) -> Iterator[str]:
        """New text, piece by piece and without the prompt."""
        raise self._cannot("generate text")

    def word_vectors(self) -> WordVectors:
        """The vectors of the tokens that it reads."""
        raise self._cannot("keep word vectors")

    def _cannot(self, what: str) -> UsageError:
        return UsageError(f"this model does not {what}: {self.does}")


def refuse_options(model: Model, options: dict[str, Any]) -> None:
    """Errors: UsageError if any option was given to a model that reads none of them"""
    if options:
        names = ", ".join(sorted(options))
        raise UsageError(f"this model reads no option {names}: {model.does}")
