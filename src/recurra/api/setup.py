"""A run before its first step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import nn

from recurra.report.sections import Section
from recurra.tasks.abilities import Concluding
from recurra.tasks.model import Model
from recurra.tasks.settings import AnySettings
from recurra.tasks.task import Dataset, Task, TaskTrainee


@dataclass
class Setup:
    """A task with its data and what is trained on them.

    vectors: what is known of the word vectors that the network started from; see api.vectors
    """

    task: Task
    dataset: Dataset[Any]
    trainee: TaskTrainee
    vectors: dict[str, Any] = field(default_factory=dict)
    concluded: dict[str, float] = field(default_factory=dict)
    """What `conclude` left, see tasks.abilities.Concluding."""
    more: list[Section] = field(default_factory=list)
    """What the report shows besides."""
    curve: list[tuple[int, float]] = field(default_factory=list)
    """Examples and scores of networks that were trained on fewer, see api.learning_curve."""

    @property
    def network(self) -> nn.Module:
        """The network that is trained."""
        return self.trainee.network

    @property
    def settings(self) -> AnySettings:
        """Those of the run, complete."""
        return self.dataset.settings

    def conclude(self) -> list[str]:
        """Change the network for the last time, its best weights in it; what was done, in sentences."""
        if not isinstance(self.task, Concluding):
            return []
        self.concluded, notes = self.task.conclude(self.dataset, self.network.eval())
        return notes

    def model(self) -> Model:
        """The network as it stands, in use."""
        return self.task.model(self.network.eval(), self.dataset.preprocessor, self.settings)
