"""What can be set about training."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LARGEST = 1 << 53
"""Of counts that have no bound of their own."""
Optimizer = Literal["adamw", "muon", "sgd", "rmsprop"]


class TrainingSettings(BaseModel):
    """Length, speed and reproducibility of every training.

    Units: minutes of wall time, warmup as a share of the run. None switches a limit off.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    epochs: float | None = Field(None, gt=0, le=1e9, description="passes over the training part")
    minutes: float | None = Field(
        None,
        gt=0,
        le=1e9,
        description="minutes of the whole command, baselines and report included; with epochs, whichever ends first",
    )
    baselines: Literal["none", "fast", "full"] | None = Field(
        None,
        description="none, fast (what can be fitted in a tenth of the minutes, or in 10 s) or full; not given: fast "
        "with minutes, else full",
    )
    batch_size: int = Field(64, ge=1, le=1 << 24, description="rows per batch")
    optimizer: Optimizer = Field("adamw", description="adamw, muon, sgd or rmsprop")
    learning_rate: float = Field(3e-3, gt=0, description="highest learning rate")
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of sgd")
    weight_decay: float = Field(0.01, ge=0, description="weight decay of matrices")
    schedule: Literal["cosine", "constant"] = Field("cosine", description="learning rate after the warm-up")
    warmup: float = Field(0.02, ge=0, lt=1, description="share of the run in which the learning rate rises")
    clip_norm: float | None = Field(1.0, gt=0, description="clip the gradient's norm to this; 0 for no clipping")
    clip_value: float | None = Field(None, gt=0, description="clip the gradient's values instead of its norm")
    average: bool = Field(
        True, description="evaluate a running average of the weights too, and keep it where it is better"
    )
    patience: int | None = Field(
        None,
        ge=0,
        le=LARGEST,
        description="stop after this many evaluations without improvement; 0: never, not given: when it overfits",
    )
    precision: Literal["auto", "32", "bf16"] = Field(
        "auto", description="auto: products of bf16, with 32-bit weights, where the machine has them, else 32; 32; bf16"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="seed of all randomness")
    device: str = Field("auto", description="auto, cpu or cuda")
    threads: int | None = Field(None, ge=1, le=1024, description="threads, at most as many as there are processors")


class EnsembleSettings(BaseModel):
    """Trainings of several networks whose answers are averaged."""

    ensemble: int = Field(1, ge=1, le=100, description="networks, of as many seeds, whose probabilities are averaged")


class TruncatedSettings(TrainingSettings):
    """Trainings that may cut back-propagation through time."""

    bptt: int | None = Field(None, ge=1, le=LARGEST, description="steps of truncated BPTT; 0 or `full` for all")
