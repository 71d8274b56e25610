"""What the estimators share: a training in a folder that is read into memory, and a run loaded from there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from recurra.api.run import Run, load
from recurra.api.training import train
from recurra.errors import UsageError


class Trained(BaseEstimator):  # type: ignore[misc]
    """The parameters and the life of a trained estimator. See `recurra.train` for what each setting does.

    callbacks: objects that hear of steps, epochs and evaluations and may end the training, see `recurra.Callback`
    """

    def __init__(
        self,
        *,
        cell: str | None = None,
        hidden_size: int | None = None,
        num_layers: int | None = None,
        epochs: float | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        dropout: float | None = None,
        random_state: int | None = 0,
        callbacks: Sequence[Any] | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.dropout = dropout
        self.random_state = random_state
        self.callbacks = callbacks
        self.settings = settings

    def _given(self) -> dict[str, Any]:
        """Settings of the training; what is None is the task's own."""
        named = ("cell", "hidden_size", "num_layers", "epochs", "learning_rate", "batch_size", "dropout")
        found = {name: getattr(self, name) for name in named if getattr(self, name) is not None}
        return found | {"baselines": "none"} | (self.settings or {})

    def _seed(self) -> int:
        if self.random_state is None or isinstance(self.random_state, np.random.RandomState):
            return int(np.random.default_rng().integers(2**31))
        return int(self.random_state)

    def _train(self, data: Any, **more: Any) -> None:
        with TemporaryDirectory() as above:
            folder = Path(above) / "run"
            heard = [] if self.callbacks is None else list(self.callbacks)
            train(data, out=folder, quiet=True, seed=self._seed(), callbacks=heard, **(more | self._given()))
            self.files_ = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
            self._run = load(folder)  # here, for answering changes no attribute

    @property
    def run_(self) -> Run:
        """The trained model as `recurra.load` gives it."""
        check_is_fitted(self, "files_")
        if "_run" not in self.__dict__:
            with TemporaryDirectory() as above:
                self._run = load(self._written(Path(above) / "run"))
        return self._run

    def save(self, folder: str | Path) -> Path:
        """Write the model folder, which `recurra.load` and every command read. Errors: UsageError if it is there"""
        check_is_fitted(self, "files_")
        if Path(folder).exists():
            raise UsageError(f"{folder} is there already; name another folder")
        return self._written(Path(folder))

    def _written(self, folder: Path) -> Path:
        folder.mkdir(parents=True)
        for name, content in self.files_.items():
            (folder / name).write_bytes(content)
        return folder

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        return {name: value for name, value in state.items() if name != "_run"}
