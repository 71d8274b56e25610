"""Recurra's layers inside PyTorch Lightning: the adding problem, beside what the mean gets.

    pip install lightning
    python examples/lightning_adding.py --cell gru --steps 1500

Each step of a sequence has a number and a mark; two steps are marked, and the answer is the sum of their numbers.
Whoever always says the mean, 1, is wrong by 1/6 in the square. (Hochreiter & Schmidhuber 1997.)
"""

from __future__ import annotations

import argparse
import logging
import warnings
from collections.abc import Iterator

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

import recurra

MEAN = 1 / 6
"""Mean square error of the mean."""


class Adding(IterableDataset[tuple[Tensor, Tensor]]):
    """Sequences [T, 2] of numbers and marks, and the sums [1]; `count` of them, the same for the same seed."""

    def __init__(self, length: int, count: int, seed: int) -> None:
        self.length, self.count, self.seed = length, count, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        draws = torch.Generator().manual_seed(self.seed)
        for _ in range(self.count):
            numbers = torch.rand(self.length, generator=draws)
            marks = torch.zeros(self.length)
            marks[torch.randperm(self.length, generator=draws)[:2]] = 1.0
            yield torch.stack([numbers, marks], dim=1), (numbers @ marks).reshape(1)


class Summing(lightning.LightningModule):
    """A recurrent layer of any cell of the catalogue, and a number from its last output."""

    def __init__(self, cell: str = "gru", hidden_size: int = 64, learning_rate: float = 3e-3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = recurra.Stack(2, hidden_size, cell=cell)
        self.head = nn.Linear(hidden_size, 1)
        self.learning_rate = learning_rate

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, 2] -> [B, 1]"""
        outputs, _ = self.layer(x)
        return self.head(outputs[:, -1])

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        return nn.functional.mse_loss(self(batch[0]), batch[1])

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        self.log("validation_error", nn.functional.mse_loss(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=self.learning_rate)


def trained(cell: str, steps: int, length: int, batch_size: int = 64) -> float:
    """The mean square error on 512 unseen sequences after so many steps."""
    lightning.seed_everything(0, verbose=False)
    model = Summing(cell)
    training = DataLoader(Adding(length, steps * batch_size, seed=1), batch_size=batch_size)
    unseen = DataLoader(Adding(length, 512, seed=2), batch_size=256)
    trainer = lightning.Trainer(
        max_steps=steps,
        gradient_clip_val=1.0,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, training)
    (found,) = trainer.validate(model, unseen, verbose=False)
    return float(found["validation_error"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cell", default="gru", help="a name of `recurra explain`")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--length", type=int, default=50, help="steps of a sequence")
    asked = parser.parse_args()
    logging.getLogger("lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    error = trained(asked.cell, asked.steps, asked.length)
    print(f"{asked.cell}: mean square error {error:.4f}, of the mean {MEAN:.4f}")
