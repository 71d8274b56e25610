"""The next steps of a series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_array, check_is_fitted

from recurra.errors import UsageError
from recurra.sklearn.trained import Trained
from recurra.tasks.abilities import GoingOn, able


class SequenceForecaster(Trained):
    """A recurrent forecaster: the task `forecast`.

    >>> SequenceForecaster(horizon=12).fit(y).predict()

    y: a series [T], or several beside each other [T, S]; horizon: steps to forecast, at least 1
    Errors: ValueError for what are no numbers or infinite; DataError for a series that is too short
    """

    def __init__(
        self,
        *,
        horizon: int = 1,
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
        super().__init__(
            cell=cell,
            hidden_size=hidden_size,
            num_layers=num_layers,
            epochs=epochs,
            learning_rate=learning_rate,
            batch_size=batch_size,
            dropout=dropout,
            random_state=random_state,
            callbacks=callbacks,
            settings=settings,
        )
        self.horizon = horizon

    def fit(self, y: Any, X: None = None) -> SequenceForecaster:
        """Train on windows of the series; its last fifteenths choose and evaluate."""
        if X is not None:
            raise UsageError("covariates are columns of a file: recurra.train(FILE, future=[...])")
        table = check_array(y, dtype=np.float64, ensure_2d=False)
        self.one_ = table.ndim == 1
        self._train(table[:, None] if self.one_ else table, task="forecast", horizon=self.horizon)
        return self

    def predict(self, y: Any = None) -> npt.NDArray[np.float64]:
        """The median of the next `horizon` steps, [H] or [H, S]: after the end of the series fitted, or of others.

        y: one series [T], or any number of them [T, S]
        """
        check_is_fitted(self, "files_")
        if y is None:
            own: GoingOn = able(self.run_.model, GoingOn, "forecast from its own series")
            given, one = own.tail(), self.one_
        else:
            table = check_array(y, dtype=np.float64, ensure_2d=False)
            given, one = list(np.atleast_2d(table.T)), table.ndim == 1
        medians = np.array([forecast.median for forecast in self.run_.predict(given)], dtype=np.float64).T
        return medians[:, 0] if one else medians
