"""What --watch costs: processor time of the same training, watched and not, one after the other.

python benchmarks/watch_overhead.py surnames 12        # DATA, epochs
python benchmarks/watch_overhead.py tinyshakespeare 0.25

Evaluations are left out of both.
"""

from __future__ import annotations

import sys
import time

import torch

from recurra.api.preparation import prepare_run, settings_for
from recurra.tasks.sources.resolving import resolve
from recurra.training.fit import fit
from recurra.training.watch.observer import NOBODY
from recurra.training.watch.watch import Watch

PAIRS = 3


def seconds(data: str, epochs: float, *, watched: bool) -> tuple[float, int]:
    """Processor time, and how often was looked."""
    source = resolve(data, None)
    setup = prepare_run(source, settings_for(source, {"epochs": epochs, "patience": 0}))
    measured = {"loss": 1.0} | dict.fromkeys(setup.trainee.chosen_by, 1.0)
    setup.trainee.evaluate = lambda network: measured  # type: ignore[method-assign]
    watch, begun = Watch(setup.settings.training), time.process_time()
    fit(setup.trainee, setup.settings.training, observer=watch if watched else NOBODY)
    return time.process_time() - begun, len(watch.seen.looks)


def main(data: str, epochs: float) -> None:
    torch.set_num_threads(1)
    seconds(data, epochs / 10, watched=True)  # what is loaded once
    for _ in range(PAIRS):
        plain, _ = seconds(data, epochs, watched=False)
        other, looks = seconds(data, epochs, watched=True)
        sys.stdout.write(f"{plain:.2f} s plain, {other:.2f} s watched, {looks} looks: {other / plain - 1:+.1%}\n")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
