"""The seed of the split alone decides which part an example is of, whatever the seed of all else."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.api.preparation import read_data
from recurra.data.ragged import digest
from recurra.tasks import registry
from recurra.tasks.sources.resolving import resolve
from tests.laws.tasks.tiny_tasks import TINY

DRAWN = [row.name for row in registry.ROWS if row.name in TINY and "split_seed" in row.defaults.settings.names()]


def test_every_task_that_divides_at_random_has_one() -> None:
    assert {"classify", "tag", "fill", "translate", "generate", "frames"} <= set(DRAWN)


@pytest.mark.parametrize("task", DRAWN)
def test_runs_of_other_seeds_have_the_same_parts(task: str, tmp_path: Path) -> None:
    source = resolve(TINY[task].write(tmp_path), task)
    settings = registry.get(task).defaults.settings
    split = {"split": (0.6, 0.2, 0.2)}

    def part(**given: int) -> str:
        return digest(read_data(source, settings.changed(**split, **given)).arrays)

    assert part(seed=1, split_seed=7) == part(seed=2, split_seed=7)
    assert len({part(seed=seed) for seed in range(1, 5)}) > 1
    assert part(seed=3) == part(seed=9, split_seed=3)
