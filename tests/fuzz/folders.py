"""Hostile model folders: every command refuses them with exit code 4 (3 for data), soon and in little memory.

    python -m tests.fuzz.folders --cases 300 --seed 0 [--tasks tag,fill] [--only 17] [--place runs]

Of each task a run that is finished and one that was stopped are made, then mutated so often each; see
hostile_folders.py. A folder whose mutation does not matter may work.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.fuzz.hostile_folders import mutate
from tests.fuzz.victims import TASKS, Victim, commands, make, use

SECONDS, MEGABYTES = 10.0, 200
ADDRESS_SPACE = 6 << 30
"""Beyond what the process has: what asks for more gets a MemoryError, which is a failure."""


def copied(victim: Victim, stopped: bool, place: Path) -> Path:
    """A folder of its own beside the data, which it names by a relative path."""
    folder = victim.place / "hostile"
    if folder.exists():
        _remove(folder)
    shutil.copytree(victim.stopped if stopped else victim.finished, folder)
    return folder


def _remove(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
    folder.rmdir()


def attempt(victim: Victim, seed: str) -> list[str]:
    """One case: what went wrong, in lines."""
    rng = random.Random(seed)
    stopped = rng.random() < 0.4
    folder = copied(victim, stopped, victim.place)
    how = mutate(folder, rng)
    wrong = []
    for command in rng.sample(commands(victim, folder, stopped), 2 if not stopped else 1):
        if problem := use(command, seconds=SECONDS, megabytes=MEGABYTES):
            wrong.append(f"{seed} [{how}] recurra {' '.join(map(str, command))}\n    {problem}")
        if not (folder / "manifest.json").exists() or stopped:
            break
    return wrong


def work(place: Path, task: str, seed: int, numbers: list[int], told: Any) -> None:
    """The cases of a task in a process of their own, which a crash or a hang may end."""
    os.chdir(place)
    sys.stdin = open(os.devnull)  # noqa: SIM115
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_SPACE, used + ADDRESS_SPACE))
    for module in ("lightning_fabric", "recurra.api.training", "recurra.cli.application"):
        importlib.import_module(module)  # what is stopped halfway through an import breaks the cases after it
    victim = Victim(place / task, task)
    for number in numbers:
        told.send(("begun", number))
        faulthandler.dump_traceback_later(30 * SECONDS, exit=True)
        told.send(("done", attempt(victim, f"{task}-{seed}-{number}")))
        faulthandler.cancel_dump_traceback_later()


def cases_of(place: Path, task: str, seed: int, numbers: list[int]) -> list[str]:
    """The failures of a task; a process that dies is a failure of its case, and the others go on."""
    failures: list[str] = []
    context = multiprocessing.get_context("spawn")
    while numbers:
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(place, task, seed, numbers, theirs))
        process.start()
        theirs.close()
        begun = None
        try:
            while True:
                kind, value = mine.recv()
                if kind == "begun":
                    begun = value
                else:
                    numbers = [n for n in numbers if n != begun]
                    for line in value:
                        failures.append(line)
                        sys.stdout.write(f"{line}\n")
                        sys.stdout.flush()
        except EOFError:
            process.join()
        if not numbers:
            break
        line = f"{task}-{seed}-{begun}: the process died, exit code {process.exitcode}"
        failures.append(line)
        sys.stdout.write(f"{line}\n")
        numbers = [n for n in numbers if begun is not None and n > begun]
    return failures


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--only", type=int, default=None)
    parser.add_argument("--place", type=Path, help="keep the runs there, and take those that are there")
    given = parser.parse_args()
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as made:
        place = Path(made) if given.place is None else given.place.resolve()
        os.environ["RECURRA_CACHE"] = str(place / "cache")
        for task in given.tasks.split(","):
            if not (place / task).exists():
                make(place / task, task)
            numbers = list(range(given.cases)) if given.only is None else [given.only]
            found = cases_of(place, task, given.seed, numbers)
            failures += found
            sys.stdout.write(f"{task}: {len(numbers)} hostile folders, {len(found)} failures\n")
            sys.stdout.flush()
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
