"""What can be set about it, and what it starts from."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from recurra.tasks.settings import DataSettings, Defaults, Marks, Settings
from recurra.topologies.settings import FreeStateSettings
from recurra.training.settings import TrainingSettings


class NumbersDataSettings(DataSettings):
    """A table with a column of numbers between spaces."""

    MARKS: ClassVar[Marks] = {"reading": ("column",), "of_files": ("column",)}

    column: str = Field("numbers", description="column of the numbers")


NumbersSettings = Settings[NumbersDataSettings, FreeStateSettings, TrainingSettings]

DEFAULTS = Defaults(
    Settings(NumbersDataSettings(), FreeStateSettings(cell="gru", hidden_size=8), TrainingSettings(batch_size=8)),
    epochs=3,
)
