"""From the user's data and settings to something that can be trained."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from recurra.api.sense import check_sense
from recurra.api.setup import Setup
from recurra.api.vectors import with_vectors
from recurra.cells.catalogue import get
from recurra.cells.variants import low_rank, masked_zoneout
from recurra.data.ragged import digest, lengths_of
from recurra.data.tokens import beside
from recurra.engines import choose
from recurra.engines.request import CellWeights, Request
from recurra.errors import DataError, UnknownNameError, UsageError
from recurra.tasks import registry
from recurra.tasks.abilities import Settling, WordTables
from recurra.tasks.settings import PATHS, AnySettings, TextSettings, segmented
from recurra.tasks.sources.source import Source
from recurra.tasks.task import Dataset
from recurra.topologies.settings import NetworkSettings, TwoWaySettings
from recurra.training.processes.place import place
from recurra.training.settings import TruncatedSettings

NOT_RESUMED = "its networks are trained one after the other and none is gone on with; train it again"
"""Of an ensemble."""


def size_of(settings: AnySettings) -> int:
    """How many networks a run has."""
    return int(getattr(settings.training, "ensemble", 1))


def settings_for(source: Source, given: dict[str, Any]) -> AnySettings:
    """The task's defaults, changed by what belongs to the data, changed by what the user gave.

    Errors: UsageError, UnknownNameError for settings that cannot be
    """
    row = registry.get(source.task)
    row.refuse_unread(given)
    options = {**row.defaults.by_kind.get(source.kind, {}), **row.read(source.options)}
    parts = {part: Path(given[part]).name for part in PATHS if given.get(part) is not None}
    chosen = row.defaults.settings.changed(**options).changed(**given | parts)
    of_text = isinstance(chosen.data, TextSettings)
    cut = segmented(chosen.data, given) if of_text else {}
    start = row.defaults.at(cut.get("level", chosen.data.level) if of_text else None)
    settings = start.changed(**options).changed(**given | parts).changed(**cut)
    settings = with_vectors(settings, given)
    if isinstance(row.task, Settling):
        settings = row.task.settle(settings, given)
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


def on_cuda(device: str) -> bool:
    """Whether this setting is a CUDA device here."""
    return device == "cuda" or (device == "auto" and torch.cuda.is_available())


def engine_of(network: NetworkSettings) -> str:
    """The name of the engine that trains such a network here.

    Errors: UnknownNameError for a cell or an engine; EngineError if the engine asked for cannot
    """
    cell, width = get(network.cell), network.hidden_size  # of the input too, on which no engine's choice depends
    if network.rank:
        cell = low_rank(cell)
    if network.zoneout or network.zoneout_cell:
        cell = masked_zoneout(cell, (network.zoneout > 0, network.zoneout_cell > 0))
    shapes = cell.shapes(width, network.hidden_size, proj_size=network.rank or None)
    weights = CellWeights.of({stored: torch.empty(shape) for stored, shape in shapes.items()})
    state = tuple(torch.empty(1, network.hidden_size) for _ in cell.states)
    mask = torch.empty(1, network.hidden_size) if network.recurrent_dropout else None
    given = tuple(torch.empty(1, 1, width) for _ in cell.given)
    request = Request(cell, weights, torch.empty(1, 1, width), state, recurrent_mask=mask, given=given)
    return choose.choose(request, network.engine).name


def check_vocabulary(setup: Setup) -> None:
    """Errors: DataError for a largest vocabulary of more tokens than the training part has"""
    dataset = setup.dataset
    if not isinstance(setup.task, WordTables):
        return
    table, largest = setup.task.word_table(dataset, setup.network), dataset.settings.data.max_vocabulary
    count = int(lengths_of(table.texts).sum())
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


def read_data(source: Source, settings: AnySettings, kept: Any = None) -> Dataset[Any]:
    """The data of a run, read, divided and encoded. kept: see tasks.task.Task.prepare. Errors: DataError"""
    here = place()
    if (threads := settings.training.threads) is not None or here.count > 1:
        most = max(1, processors() // here.local_count)
        torch.set_num_threads(most if threads is None else min(threads, most))
    with beside.processes(min(processors(), torch.get_num_threads())):
        dataset = registry.get(source.task).task.prepare(source, settings, kept)
    dataset.facts.setdefault("training_part", digest(dataset.arrays))
    return dataset


def usual_epochs(setup: Setup) -> float:
    """How many epochs a run has if nobody asks for any."""
    dataset = setup.dataset
    tokens = dataset.facts.get("tokens", {}).get("train")
    return registry.get(dataset.source.task).defaults.epochs_for(setup.trainee.steps(0), tokens)


def prepare_run(
    source: Source,
    settings: AnySettings,
    kept: Any = None,
    *,
    size: Callable[[Dataset[Any]], Dataset[Any]] = lambda dataset: dataset,
) -> Setup:
    """As `read_data`, with a network, its weights drawn from the seed. size: see api.sizing. Errors: DataError"""
    row, dataset = registry.get(source.task), size(read_data(source, settings, kept))
    torch.manual_seed(settings.training.seed)
    network = row.task.network(dataset.preprocessor, dataset.settings)
    setup = Setup(row.task, dataset, row.task.trainee(network, dataset))
    training = dataset.settings.training
    if training.epochs is None and training.minutes is None:
        epochs = usual_epochs(setup)
        dataset.settings = dataset.settings.changed(epochs=epochs)
        if epochs != row.defaults.epochs:
            dataset.notes.append(f"{epochs} epochs, since there is little data")
    return setup
