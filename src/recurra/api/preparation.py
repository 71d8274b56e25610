"""From the user's data and settings to something that can be trained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from recurra.api import provenance
from recurra.api.sense import check_sense
from recurra.api.vectors import with_vectors
from recurra.cells.catalogue import get
from recurra.engines import choose
from recurra.engines.request import CellWeights, Request
from recurra.errors import DataError, UnknownNameError, UsageError
from recurra.model_folder import ModelFolder
from recurra.tasks import registry
from recurra.tasks.settings import AnySettings, TextSettings, segmented
from recurra.tasks.sources.resolving import Source
from recurra.tasks.task import Dataset
from recurra.topologies.settings import NetworkSettings, TwoWaySettings
from recurra.training.settings import TruncatedSettings

FILES = ("validation", "test", "parallel", "vectors")
"""Settings that are files; of their paths only the names are kept."""


def settings_for(source: Source, given: dict[str, Any]) -> AnySettings:
    """The task's defaults, changed by what belongs to the data, changed by what the user gave.

    Errors: UsageError, UnknownNameError for settings that cannot be
    """
    row = registry.get(source.task)
    row.refuse_unread(given)
    options = row.read(source.options)
    parts = {part: Path(given[part]).name for part in FILES if given.get(part) is not None}
    chosen = row.defaults.settings.changed(**options).changed(**given | parts)
    of_text = isinstance(chosen.data, TextSettings)
    cut = segmented(chosen.data, given) if of_text else {}
    start = row.defaults.at(cut.get("level", chosen.data.level) if of_text else None)
    settings = start.changed(**options).changed(**given | parts).changed(**cut)
    settings = _tied_if_it_fits(source, with_vectors(source.task, settings, given), given)
    network, training = settings.network, settings.training
    engine_of(network)
    check_sense(source, settings, given)
    check_device(training.device)
    truncated = isinstance(training, TruncatedSettings) and training.bptt is not None
    if truncated and isinstance(network, TwoWaySettings) and network.bidirectional:
        raise UsageError("truncated BPTT reads forward only; use bidirectional=False or the full bptt")
    return settings


def check_device(device: str) -> None:
    """Errors: UnknownNameError; UsageError for one that is not here"""
    if device not in ("auto", "cpu", "cuda"):
        raise UnknownNameError("device", device, ("auto", "cpu", "cuda"))
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device cuda: torch finds no CUDA device here")


def _tied_if_it_fits(source: Source, settings: AnySettings, given: dict[str, Any]) -> AnySettings:
    """A language model's tied vectors are a default: with sizes of the user's they follow, or are not tied."""
    network = settings.network
    if source.task != "language" or not network.tie_weights or "tie_weights" in given:
        return settings
    if network.embedding_size == network.hidden_size:
        return settings
    if "hidden_size" in given and "embedding_size" not in given and settings.data.vectors is None:
        return settings.changed(embedding_size=network.hidden_size)
    return settings.changed(tie_weights=False)


def engine_of(network: NetworkSettings) -> str:
    """The name of the engine that trains such a network here.

    Errors: UnknownNameError for a cell or an engine; EngineError if the engine asked for cannot
    """
    cell = get(network.cell)
    shapes = cell.shapes(network.embedding_size, network.hidden_size)
    weights = CellWeights(**{stored: torch.empty(shape) for stored, shape in shapes.items()})
    state = tuple(torch.empty(1, network.hidden_size) for _ in cell.states)
    mask = torch.empty(1, network.hidden_size) if network.recurrent_dropout else None
    request = Request(cell, weights, torch.empty(1, 1, network.embedding_size), state, recurrent_mask=mask)
    return choose.choose(request, network.engine).name


def check_vocabulary(dataset: Dataset) -> None:
    """Errors: DataError for a largest vocabulary of more tokens than the training part has"""
    table, largest = dataset.word_table(), dataset.settings.data.max_vocabulary
    count = sum(map(len, table.texts))
    if largest is not None and largest > count:
        files = dataset.source.files
        raise DataError(
            f"a vocabulary of {largest:,} is larger than the training part, which has {count:,} tokens, "
            f"{len(table.tokens) - 1:,} of them different",
            remedy="give more text or a smaller max_vocabulary",
            file=files.get("train", next(iter(files.values()))),
        )


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare_run(source: Source, settings: AnySettings, kept: ModelFolder | None = None) -> Dataset:
    """Read the data and build the network, its weights drawn from the seed. kept: see tasks.task.Task.prepare

    Errors: DataError
    """
    if settings.training.threads is not None:
        torch.set_num_threads(min(settings.training.threads, processors()))
    row = registry.get(source.task)
    dataset = row.task.prepare(source, settings, kept)
    dataset.facts["training_part"] = provenance.digest(dataset.word_table().texts)
    training = dataset.settings.training
    if training.epochs is None and training.minutes is None:
        epochs = row.defaults.epochs_for(dataset.trainee.steps(0))
        dataset.settings = dataset.settings.changed(epochs=epochs)
        if epochs != row.defaults.epochs:
            dataset.notes.append(f"{epochs} epochs, for the data are few")
    return dataset
