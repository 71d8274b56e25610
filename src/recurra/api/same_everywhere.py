"""What has to be the same in all processes of a run, and where the others find what the first has written."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np

from recurra.api.run import Run, load
from recurra.api.setup import Setup
from recurra.errors import DataError, ElsewhereError, ModelFolderError
from recurra.model_folder import manifest
from recurra.training.processes.alone import Processes
from recurra.training.processes.division import edges
from recurra.training.processes.joining import check_same, digest, wait_for_first
from recurra.training.processes.together import Together
from recurra.training.trainee import Carrying, Trainee

OTHER_DATA = "has other data than process 0: {name} is {other}, there {firsts}\ncopy the same files to every machine"


def check_data(processes: Processes, setup: Setup) -> None:
    """Errors: DataError in every process if one of them has read other data, or divided or encoded them otherwise"""
    if not isinstance(processes, Together):
        return
    dataset = setup.dataset
    facts = dict(dataset.facts)
    files = {f"{file['name']} (SHA-256)": file["sha256"][:12] for file in facts.pop("files")}
    rest = {
        "the training part": facts.pop("training_part")[:12],
        "the preprocessing": digest(json.dumps(dataset.preprocessor.to_json(), sort_keys=True, default=str)),
        "the settings": digest(json.dumps(dataset.settings.to_json(), sort_keys=True, default=str)),
        "the count": digest(json.dumps(facts, sort_keys=True, default=str)),
    }
    check_same(processes, files | rest, OTHER_DATA, DataError)


def check_folder(processes: Processes, folder: Path) -> None:
    """Errors: ModelFolderError in every process if one of them sees another run there"""
    seen = {str(folder): digest((folder.resolve() / manifest.MANIFEST).read_bytes())}
    message = "sees another run in {name}: its manifest is {other}, that of process 0 {firsts}\ncopy the folder there"
    check_same(processes, seen, message, ModelFolderError)


def mark(processes: Processes, written: Path | None = None) -> None:
    """The first process has a phase behind it. written: the folder of the finished run"""
    if isinstance(processes, Together):
        processes.heartbeat.announce(
            mark=processes.heartbeat.own.mark + 1, written="" if written is None else str(written.resolve())
        )


def in_each_of(processes: Processes, trainee: Trainee) -> str:
    """How many processes there are, and how streams whose state is carried are divided among them."""
    here = processes.place
    if here.count == 1:
        return ""
    found = f" in each of {here.count} processes" + (f" on {here.machines} machines" if here.machines > 1 else "")
    if isinstance(trainee, Carrying):
        ends = edges(np.ones(trainee.carried()[0][1]), here.count)
        fewest, most = (choose(b - a for a, b in pairwise(ends)) for choose in (min, max))
        found += f", {fewest if fewest == most else f'{fewest} to {most}'} of {ends[-1]} streams to each"
    return found


def can_be_resumed(processes: Processes, remedy: str) -> None:
    """What to say from now on if another process dies."""
    if isinstance(processes, Together):
        processes.heartbeat.remedy = remedy


def finished_elsewhere(processes: Processes) -> Run:
    """The run that the first process has finished. Errors: RankError if it failed; ElsewhereError"""
    assert isinstance(processes, Together)
    wait_for_first(processes, 2)
    folder = Path(processes.heartbeat.beats[0].written)
    if not (folder / manifest.MANIFEST).exists():
        raise ElsewhereError(f"{folder} is on {processes.heartbeat.beats[0].host}, which wrote it")
    return load(folder)
