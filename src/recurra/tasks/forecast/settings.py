"""What can be set about a forecaster, and what it starts from."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from recurra.tasks.settings import DataSettings, Defaults, Marks, Settings
from recurra.topologies.settings import ForecasterSettings
from recurra.training.settings import LARGEST, TrainingSettings

MOST_STEPS = 100_000
"""Of a horizon or a window; beyond it a number is a mistake."""
READING = (
    "encoding", "time", "id", "decimal", "thousands", "date_format", "timezone", "sort", "until", "skip_short",
)  # fmt: skip
"""Settings that are about how files are read."""


class ForecastDataSettings(DataSettings):
    """Which columns are what, how far is forecast, and from how much. Units: steps of the series

    What is None is found from the data.
    """

    MARKS: ClassVar[Marks] = {
        "reading": READING,
        "of_files": READING,
        "learned": (
            "horizon", "window", "season", "target", "future", "past", "static", "frequency", "joint", "dates",
            "transform", "quantiles", "decoding",
        ),
    }  # fmt: skip

    horizon: int | None = Field(None, ge=1, le=MOST_STEPS, description="steps that are forecast at once; a season")
    window: int | None = Field(
        None, ge=1, le=MOST_STEPS, description="steps before that a forecast reads; what validation likes best"
    )
    season: int | None = Field(
        None, ge=1, le=MOST_STEPS, description="steps of a season, 1 for none; from calendar and autocorrelation"
    )
    time: str | None = Field(None, description="column of the times, several as DATE,HOUR; none for numbered rows")
    id: str | None = Field(None, description="column that names each row's series")
    target: tuple[str, ...] = Field((), max_length=1000, description="columns that are forecast")
    future: tuple[str, ...] = Field((), max_length=1000, description="columns that are known ahead, such as holidays")
    past: tuple[str, ...] = Field((), max_length=1000, description="columns that are known until now")
    static: tuple[str, ...] = Field((), max_length=1000, description="columns that never change in a series")
    joint: bool = Field(False, description="several target columns are read and forecast together, not one by one")
    dates: bool | None = Field(None, description="read the calendar; if validation likes it")
    transform: Literal["auto", "none", "sqrt", "log"] = Field(
        "auto", description="of the values: none, sqrt, log, or what validation likes best"
    )
    quantiles: tuple[float, ...] = Field(
        (0.1, 0.25, 0.5, 0.75, 0.9),
        min_length=1,
        max_length=99,
        description="quantiles that are forecast, 0.5 among them",
    )
    decoding: Literal["direct", "recursive"] = Field(
        "direct", description="all steps at once, or each from the one before"
    )
    origins: int | None = Field(None, ge=1, le=LARGEST, description="forecasts of the test part, from so many origins")
    step: int | None = Field(None, ge=1, le=LARGEST, description="steps between these origins; the horizon")
    frequency: str | None = Field(None, description="h, D, B, W, M, 15min ...; found from the times")
    date_format: str | None = Field(None, description="how dates are written, as strptime has it: '%d/%m/%Y'")
    timezone: str | None = Field(None, description="where clocks stood, such as Europe/Berlin")
    decimal: Literal[".", ","] = Field(".", description="sign before decimals")
    thousands: Literal["", ",", ".", "'", " "] = Field("", description="sign between thousands")
    until: str | None = Field(None, description="the last time that is read; later rows are left out")
    sort: bool = Field(False, description="put rows in the order of time")
    skip_short: bool = Field(False, description="leave out series that are too short, instead of refusing the file")
    encoding: str = Field("utf-8", description="encoding of text files")

    @field_validator("quantiles")
    @classmethod
    def _rising(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if list(levels) != sorted(set(levels)) or not all(0 < level < 1 for level in levels) or 0.5 not in levels:
            raise ValueError(f"rise, lie between 0 and 1 and hold 0.5, the median; got {list(levels)}")
        return levels


ForecastSettings = Settings[ForecastDataSettings, ForecasterSettings, TrainingSettings]

DEFAULTS = Defaults(
    Settings(
        ForecastDataSettings(split=(0.7, 0.15, 0.15)),
        ForecasterSettings(cell="gru", hidden_size=32, dropout=0.2),
        TrainingSettings(batch_size=64, learning_rate=3e-3),
    ),
    epochs=4,
    fewest_steps=2000,
    most_epochs=400,
)
