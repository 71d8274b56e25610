"""What a run says of itself before it begins."""

from __future__ import annotations

import torch

from recurra.api import precision
from recurra.api.preparation import on_cuda
from recurra.api.progress import ProgressLogger
from recurra.api.same_everywhere import in_each_of
from recurra.api.setup import Setup
from recurra.data.splits import many
from recurra.engines.native import library
from recurra.topologies.settings import TwoWaySettings
from recurra.training.processes.alone import Processes


def introduce(setup: Setup, engine: str, progress: ProgressLogger, processes: Processes) -> None:
    """Its data with their notes, its network, what computes it and how. engine: that of the network"""
    dataset = setup.dataset
    facts, network = dataset.facts, dataset.settings.network
    parts = " · ".join(f"{count:,} {part}" for part, count in facts["counts"].items() if count)
    vocabulary = f"; vocabulary {facts['vocabulary_size']:,}" if "vocabulary_size" in facts else ""
    progress.log(f"{facts['unit']}: {parts}{vocabulary}")
    for note in dataset.notes:
        progress.log(f"note: {note}")
    two_way = isinstance(network, TwoWaySettings) and network.bidirectional
    shape = f"{network.num_layers} x {network.hidden_size}" + (" x 2 directions" if two_way else "")
    count = sum(p.numel() for p in setup.network.parameters())
    progress.log(
        f"{network.cell} {shape}: {count:,} parameters; engine {engine}, "
        + many(torch.get_num_threads(), "thread")
        + in_each_of(processes, setup.trainee)
        + f"; {precision.products(dataset.settings)}"
    )
    for note in precision.about_bf16(dataset.settings):
        progress.log(f"note: {note}")
    if engine == "native" or network.engine != "auto" or on_cuda(dataset.settings.training.device):
        return
    if (missing := library.why_missing()) is not None:
        progress.log(f"note: training is slower without the native engine: {missing}")
