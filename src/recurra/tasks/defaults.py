"""All settings of a run together, and what each task starts from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from recurra.errors import UnknownNameError, UsageError
from recurra.tasks.given import plain
from recurra.tasks.settings import DataSettings, TaskName
from recurra.topologies.settings import NetworkSettings
from recurra.training.settings import TrainingSettings


@dataclass(frozen=True)
class Settings:
    """Everything that can be set about a run."""

    data: DataSettings = field(default_factory=DataSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def changed(self, **given: Any) -> Settings:
        """With some settings set, by their own names.

        Errors: UnknownNameError, with the nearest; UsageError for a value that cannot be
        """
        parts = {"data": self.data, "network": self.network, "training": self.training}
        homes = {name: part for part, model in parts.items() for name in type(model).model_fields}
        new: dict[str, dict[str, Any]] = {part: {} for part in parts}
        for name, value in given.items():
            if name not in homes:
                raise UnknownNameError("setting", name, homes)
            value = plain(value)
            if name == "split" and isinstance(value, tuple) and len(value) == 2:
                value = (*value, 0.0)  # without a test part
            new[homes[name]][name] = value
        return replace(self, **{part: _validated(parts[part], values) for part, values in new.items() if values})

    def to_json(self) -> dict[str, Any]:
        """Plain values by part and name."""
        return {
            "data": self.data.model_dump(mode="json"),
            "network": self.network.model_dump(mode="json"),
            "training": self.training.model_dump(mode="json"),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Settings:
        """What `to_json` gave. Errors: UnknownNameError, UsageError for anything else"""
        made = cls()
        for part, names in values.items():
            if part not in ("data", "network", "training") or not isinstance(names, dict):
                raise UsageError(f"settings are of data, network and training, with a name for each; got {part!r:.60}")
            own = type(getattr(made, part)).model_fields
            for name in names:
                if name not in own:
                    raise UnknownNameError("setting", str(name), own)
            made = made.changed(**names)
        return made


def _validated(model: BaseModel, values: dict[str, Any]) -> Any:
    try:
        return type(model).model_validate({**model.model_dump(), **values})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(p) for p in first["loc"] if isinstance(p, str)) or "?"
        reason = str(first["msg"]).replace("Input should be", "must be")
        shown = ", ".join(f"{k}={v!r}" for k, v in first.get("ctx", {}).items() if k == "reason")
        got = repr(first["input"])
        got = got if len(got) <= 200 else f"{got[:200]}..."
        raise UsageError(f"{name} {reason[0].lower() + reason[1:]}, got {got} {shown}".rstrip()) from None


DEFAULTS: dict[TaskName, Settings] = {
    "language": Settings(
        DataSettings(split=(0.9, 0.1, 0.0)),
        NetworkSettings(cell="lstm", hidden_size=256),
        TrainingSettings(batch_size=32, bptt=32, learning_rate=1e-2, weight_decay=0.1, state_reset=0.02),
    ),
    "classify": Settings(
        DataSettings(min_count=2),
        NetworkSettings(
            cell="gru", hidden_size=128, bidirectional=True, pooling="all", dropout=0.5, embedding_dropout=0.1
        ),
        TrainingSettings(batch_size=128, batch_tokens=1 << 14, learning_rate=4e-3),
    ),
    "tag": Settings(
        DataSettings(min_count=2, normalize=("lowercase",)),
        NetworkSettings(
            cell="lstm",
            hidden_size=128,
            embedding_size=100,
            bidirectional=True,
            dropout=0.5,
            embedding_dropout=0.2,
            crf=True,
        ),
        TrainingSettings(batch_size=32, learning_rate=4e-3),
    ),
    "fill": Settings(
        DataSettings(split=(0.9, 0.05, 0.05), max_length=100),
        NetworkSettings(cell="lstm", hidden_size=256, embedding_size=128, dropout=0.3),
        TrainingSettings(batch_size=64, learning_rate=8e-3, drawn_outputs=1000),
    ),
    "translate": Settings(
        DataSettings(level="bpe", max_vocabulary=4000, max_length=100, split=(0.9, 0.05, 0.05)),
        NetworkSettings(
            cell="gru", hidden_size=256, embedding_size=256, bidirectional=True, dropout=0.3, tie_weights=True
        ),
        TrainingSettings(batch_size=64, learning_rate=2e-3, label_smoothing=0.1),
    ),
    "generate": Settings(
        DataSettings(),
        NetworkSettings(cell="lstm", hidden_size=192, embedding_size=48, dropout=0.3, recurrent_dropout=0.25),
        TrainingSettings(batch_size=32, learning_rate=3e-3),
    ),
}
"""What a run of a task starts from."""

BY_LEVEL: dict[tuple[TaskName, str], dict[str, Any]] = {
    ("language", "word"): {
        "hidden_size": 400, "embedding_size": 400, "tie_weights": True, "variational": True, "dropout": 0.35,
        "input_dropout": 0.15, "bptt": 35, "learning_rate": 2e-3, "weight_decay": 0.02,
    },
}  # fmt: skip
"""What a task starts from instead where its tokens are of another level than characters and bytes."""
BY_LEVEL["language", "bpe"] = BY_LEVEL["language", "word"]


def defaults_for(task: TaskName, level: str | None) -> Settings:
    """What a run of a task starts from. level: of its tokens, None if nothing says"""
    return DEFAULTS[task].changed(**BY_LEVEL.get((task, level or ""), {}))


EPOCHS: dict[TaskName, float] = {
    "language": 10, "classify": 12, "tag": 8, "fill": 4, "translate": 10, "generate": 25
}  # fmt: skip
"""How long a run is when neither epochs nor minutes are given, unless the data are few."""
READ_BY: dict[str, tuple[TaskName, ...]] = {
    "label": ("classify", "tag", "generate", "translate"),
    "split_column": ("classify", "generate"),
    "merge": ("classify", "tag", "translate"),
    "pooling": ("classify",),
    "max_length": ("classify", "tag", "translate", "generate", "fill"),
    "keep_repeats": ("classify", "generate"),
    "transpose": ("generate",),
    "condition": ("generate",),
    "balance": ("classify",),
    "batch_tokens": ("classify",),
    "crop": ("classify",),
    "blank_tokens": ("fill",),
    "drawn_outputs": ("fill",),
    "parallel": ("translate",),
    "languages": ("translate",),
    "swap": ("translate",),
    "too_long": ("translate",),
    "attention": ("translate",),
    "input_feeding": ("translate",),
    "bridge": ("translate",),
    "label_smoothing": ("translate",),
    "scheduled_sampling": ("translate",),
    "tie_weights": ("language", "translate"),
    "state_reset": ("language",),
    "scheme": ("tag",),
    "strict": ("tag",),
    "skip_lines": ("tag",),
    "crf": ("tag",),
    "char_size": ("tag",),
    "pair_size": ("tag",),
    "char_embedding_size": ("tag",),
    "output": ("language",),
    "input_dropout": ("language",),
    "variational": ("language",),
}
"""Settings that not every task reads, and the tasks that do."""
FEWEST_STEPS = 1500
MOST_EPOCHS = 50


def default_epochs(task: TaskName, steps: int) -> float:
    """Epochs when none are asked for: few data are gone through more often, until the steps are worth it.

    steps: batches of an epoch
    """
    return min(max(EPOCHS[task], math.ceil(FEWEST_STEPS / steps)), MOST_EPOCHS)
