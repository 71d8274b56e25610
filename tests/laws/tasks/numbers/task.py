"""The next number of a sequence: no text, no tokens, no vocabulary."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recurra.data.files.checked import Exact, checked
from recurra.data.files.tables import read_table
from recurra.data.splits import PARTS
from recurra.engines.request import State
from recurra.errors import DataError, UsageError
from recurra.report.metric import ranked
from recurra.report.record import Baseline
from recurra.report.sections import Section, Text
from recurra.tasks.model import Model, refuse_options
from recurra.tasks.sources.source import Source, hashes
from recurra.tasks.task import Dataset, Encoded, Evaluation
from recurra.topologies.sequence_model import Loss, SequenceModel
from recurra.topologies.stacks import build_stack
from tests.laws.tasks.numbers.metrics import METRICS
from tests.laws.tasks.numbers.settings import NumbersSettings


class _Stored(Exact):
    mean: float
    deviation: float


@dataclass(frozen=True)
class Scaler:
    """Numbers to those of mean 0 and standard deviation 1."""

    mean: float
    deviation: float
    input_width: ClassVar[int] = 1

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return ((values - self.mean) / self.deviation).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        return {"mean": self.mean, "deviation": self.deviation}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Scaler:
        stored = checked(_Stored, found, "preprocessing.json")
        return cls(stored.mean, stored.deviation)


class NumbersBatch(NamedTuple):
    """Shapes: inputs [B, T, 1], lengths int64 [B], the numbers after each step [B, T]"""

    inputs: Tensor
    lengths: Tensor
    targets: Tensor


class Network(SequenceModel[Tensor, NumbersBatch]):
    """Recurrent layers and one output."""

    def __init__(self, settings: Any) -> None:
        super().__init__()
        self.stack = build_stack(1, settings)
        self.head = nn.Linear(self.stack.output_size, 1)

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Shapes: inputs [B, T, 1] -> the number after each step [B, T]"""
        y, state = self.stack(inputs, state, lengths=lengths)
        return self.head(y).squeeze(-1), state

    def errors(self, batch: NumbersBatch) -> Tensor:
        """Of each number but the first. Shapes: -> [N]"""
        there = torch.arange(batch.targets.shape[1]) < batch.lengths.unsqueeze(1)
        return (self(batch.inputs, batch.lengths)[0] - batch.targets)[there]

    def loss(self, batch: NumbersBatch, state: State | None = None) -> Loss:
        found = self.errors(batch)
        return Loss(nats(found), len(found))


def batch_of(rows: Sequence[np.ndarray]) -> NumbersBatch:
    """Rows as one batch, padded with 0."""
    lengths = torch.tensor([len(row) - 1 for row in rows])
    whole = torch.zeros(len(rows), int(lengths.max()) + 1)
    for place, row in enumerate(rows):
        whole[place, : len(row)] = torch.from_numpy(row)
    return NumbersBatch(whole[:, :-1].unsqueeze(-1), lengths, whole[:, 1:])


def nats(errors: Tensor) -> Tensor:
    """The loss of a normal distribution of standard deviation 1 around the output."""
    return (errors**2).mean() / 2 + math.log(2 * math.pi) / 2


class Trainee:
    unit = "numbers"
    chosen_by = ("loss",)

    def __init__(self, network: Network, dataset: Dataset[Any]) -> None:
        self.network, self.train, self.held_out = network, dataset.parts["train"], dataset.parts["validation"]
        self.size, self.seed = dataset.settings.training.batch_size, dataset.settings.training.seed
        self.evaluation_units = sum(map(len, self.held_out))

    def steps(self, epoch: int) -> int:
        return -(-len(self.train) // self.size)

    def batches(self, epoch: int) -> Iterator[Any]:
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.train))
        for start in range(0, len(order), self.size):
            yield [self.train[i] for i in order[start : start + self.size]]

    def costs(self, batch: Any) -> np.ndarray:
        return np.array([len(row) for row in batch])

    def rows(self, batch: Any, rows: slice) -> Any:
        return batch[rows]

    def loss(self, network: Network, batch: Any, state: State | None) -> Loss:
        return network.loss(batch_of(batch), state)

    def evaluate(self, network: Network) -> dict[str, float]:
        with torch.inference_mode():
            return {"loss": float(network.loss(batch_of(self.held_out)).mean)}

    def rank(self, found: dict[str, float]) -> list[float]:
        return ranked(METRICS, self.chosen_by, found)


class NumbersModel(Model):
    does = "it predicts the next number of a sequence"
    unit = "numbers"

    def __init__(self, network: Network, scaler: Scaler) -> None:
        self.network, self.scaler = network.eval(), scaler

    def checked(self, inputs: Any) -> list[np.ndarray]:
        if not isinstance(inputs, list) or not all(isinstance(each, list) and each for each in inputs):
            raise UsageError("expected a list of lists of numbers")
        return [np.array(each, dtype=np.float64) for each in inputs]

    def predict(self, inputs: Any, /, *args: Any, **options: Any) -> list[float]:
        refuse_options(self, options)
        with torch.inference_mode():
            rows = [torch.from_numpy(self.scaler(each)).view(1, -1, 1) for each in inputs]
            found = [float(self.network(row)[0][0, -1]) for row in rows]
        return [value * self.scaler.deviation + self.scaler.mean for value in found]

    def document(self, predictions: Sequence[Any]) -> list[dict[str, Any]]:
        return [{"next": value} for value in predictions]

    def rows(self, predictions: Sequence[Any]) -> list[list[str]]:
        return [[f"{value:.3f}"] for value in predictions]


class NumbersTask:
    name: ClassVar[str] = "numbers"
    preprocessor = Scaler
    holds_out: ClassVar[bool] = False

    def prepare(self, source: Source, settings: NumbersSettings, kept: Scaler | None = None) -> Dataset[Any]:
        rows = _read(source, settings)
        first, second = (int(len(rows) * edge) for edge in (0.6, 0.8))
        parts = dict(zip(PARTS, (rows[:first], rows[first:second], rows[second:]), strict=True))
        if not all(parts.values()):
            raise DataError(f"{len(rows)} rows are too few", remedy="give 5 or more", file=source.name)
        whole = np.concatenate(parts["train"])
        scaler = kept or Scaler(float(whole.mean()), float(whole.std()) or 1.0)
        parts = {name: [scaler(row) for row in of] for name, of in parts.items()}
        facts = {
            "name": source.name,
            "files": hashes(source.files),
            "unit": "sequences",
            "counts": {name: len(of) for name, of in parts.items()},
        }
        return Dataset(source, settings, None, scaler, parts, parts["train"], facts)

    def encode(self, source: Source, settings: NumbersSettings, preprocessor: Scaler) -> Encoded:
        return Encoded([preprocessor(row) for row in _read(source, settings)])

    def network(self, preprocessor: Scaler, settings: NumbersSettings) -> Network:
        return Network(settings.network)

    def trainee(self, network: Network, dataset: Dataset[Any]) -> Trainee:
        return Trainee(network, dataset)

    def model(self, network: Network, preprocessor: Scaler, settings: NumbersSettings) -> NumbersModel:
        return NumbersModel(network, preprocessor)

    def evaluate(self, model: NumbersModel, part: Any, settings: NumbersSettings) -> Evaluation:
        with torch.inference_mode():
            found = model.network.errors(batch_of(part))
        error = float(found.abs().mean()) * model.scaler.deviation
        return Evaluation({"loss": float(nats(found)), "mean_absolute_error": error}, len(found))

    def baselines(self, dataset: Dataset[Any], part: Any) -> list[Baseline]:
        apart = np.concatenate([np.abs(np.diff(row)) for row in part]).mean()
        return [Baseline("the number before", {"mean_absolute_error": float(apart) * dataset.preprocessor.deviation})]

    def sections(self, dataset: Dataset[Any], model: NumbersModel, evaluation: Evaluation) -> list[Section]:
        return [Text("Numbers", [f"of {dataset.settings.data.column} <b>&"])]


def _read(source: Source, settings: NumbersSettings) -> list[np.ndarray]:
    column, found = settings.data.column, []
    for path in source.files.values():
        table = read_table(path, encoding="utf-8", columns=[column])
        for cell, line in zip(table.columns[column], table.lines, strict=True):
            try:
                row = np.array([float(number) for number in cell.split()])
            except ValueError:
                raise DataError(f"{cell!r:.60} is no row of numbers", file=path, line=line) from None
            if len(row) < 2:
                raise DataError("a sequence has two numbers or more", file=path, line=line)
            found.append(row)
    return found


TASK = NumbersTask()
