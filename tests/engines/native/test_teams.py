"""How many threads run a call: no more than there are processors, a quota and work for; and it makes no difference."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from recurra.cells.catalogue import get
from recurra.engines.native import library
from recurra.engines.request import CellWeights
from recurra.recurrence import unroll
from tests.laws.law_cases import draw

V1 = "3:cpuset:/\n2:cpu,cpuacct:{group}\n"
V2 = "0::{group}\n"


def allowed(root: Path) -> int:
    found: int = library.load().c.recurra_processors(str(root).encode())
    return found


def machine(root: Path, groups: str, files: dict[str, str]) -> Path:
    for name, text in ({"proc/self/cgroup": groups} | {f"sys/fs/cgroup/{n}": t for n, t in files.items()}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def many_processors() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor: no quota is smaller")


@pytest.mark.usefixtures("many_processors")
@pytest.mark.parametrize(
    ("groups", "files"),
    [
        (V2.format(group="/"), {"cpu.max": "100000 100000\n"}),
        (
            V2.format(group="/"),
            {"cpu.max": "190000 100000\n"},
        ),  # rounded down: a quota that is used up stops all threads
        (V2.format(group="/"), {"cpu.max": "1000 100000\n"}),
        (
            V2.format(group="/a/b"),
            {"cpu.max": "max 100000\n", "a/cpu.max": "50000 50000\n", "a/b/cpu.max": "max 100000"},
        ),
        (V2.format(group="/gone/here"), {"cpu.max": "100000 100000\n"}),
        (V1.format(group="/"), {"cpu,cpuacct/cpu.cfs_quota_us": "100000", "cpu,cpuacct/cpu.cfs_period_us": "100000"}),
        (V1.format(group="/a"), {"cpu/a/cpu.cfs_quota_us": "150000\n", "cpu/a/cpu.cfs_period_us": "100000\n"}),
        (V1.format(group="/") + V2.format(group="/"), {"unified/cpu.max": "100000 100000\n"}),
    ],
)
def test_a_quota_of_one_processor(tmp_path: Path, groups: str, files: dict[str, str]) -> None:
    assert allowed(machine(tmp_path, groups, files)) == 1


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        ("", {}),
        (V2.format(group="/"), {"cpu.max": "max 100000\n"}),
        (V2.format(group="/"), {"cpu.max": ""}),
        (V2.format(group="/"), {"cpu.max": "none\n"}),
        (V2.format(group="/"), {"cpu.max": "100000 0\n"}),
        (V1.format(group="/"), {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}),
        ("nonsense\n:\n::\n0:", {"cpu.max": "100000000 100000"}),
    ],
)
def test_without_a_quota_all_processors(tmp_path: Path, groups: str, files: dict[str, str]) -> None:
    assert allowed(machine(tmp_path, groups, files)) == len(os.sched_getaffinity(0))


def test_no_more_threads_than_this_process_may_use(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert allowed(tmp_path) == 1
    finally:
        os.sched_setaffinity(0, before)
    assert allowed(tmp_path) == len(before)


@pytest.fixture
def restored() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("restored")
def test_more_threads_than_processors_are_those_that_there_are() -> None:
    """Bit for bit: the same team runs."""
    cell = get("gru")
    sample = draw(cell, 33, 4, 40, 96, dtype=torch.float32)
    found = []
    for threads in (len(os.sched_getaffinity(0)), 64, 100_000):
        torch.set_num_threads(threads)
        y, _ = unroll(cell, CellWeights(**sample.weights), sample.x, sample.state, engine="native")
        torch.set_num_threads(1)
        found.append([y, *torch.autograd.grad(y.square().sum(), list(sample.weights.values()))])
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(other, found[0], strict=True))


SMALL_TEAM = """
import hashlib, torch
from tests.laws.law_cases import draw
from recurra.cells.catalogue import get
from recurra.engines.native import library
from recurra.engines.request import CellWeights, Embedded
from recurra.recurrence import unroll, unroll_both

library.load().c.recurra_threads_as_asked(1)
torch.set_num_threads(3)
found = hashlib.sha256()
for name, sizes in (("gru", (2, 9, 30, 130)), ("lstm", (40, 5, 17, 31)), ("peephole-lstm", (1, 20, 40, 120))):
    cell = get(name)
    sample = draw(cell, *sizes, dtype=torch.float32)
    table = draw(cell, 11, 1, sizes[2], 3, seed=5, dtype=torch.float32).x.detach().squeeze(1).requires_grad_()
    for x in (sample.x, Embedded(torch.arange(sizes[0] * sizes[1]).reshape(sizes[:2]) % 11, table)):
        y, last = unroll(cell, CellWeights(**sample.weights), x, sample.state, engine="native")
        leaves = [sample.x if x is sample.x else table, *sample.state, *sample.weights.values()]
        given = torch.autograd.grad((y.cos() * 3).sum() + last[0].sum(), leaves)
        for value in (y, *last, *given):
            found.update(value.detach().contiguous().numpy().tobytes())
torch.set_num_threads(4)
for sizes in ((1, 20, 40, 120), (40, 5, 17, 31)):
    one, other = (draw(get("lstm"), *sizes, seed=seed, dtype=torch.float32) for seed in (1, 2))
    both = CellWeights(**one.weights), CellWeights(**other.weights)
    y, _ = unroll_both(get("lstm"), both, one.x, (one.state, other.state), engine="native")
    leaves = [one.x, *one.state, *other.state, *one.weights.values(), *other.weights.values()]
    for value in (y, *torch.autograd.grad(y.cos().sum(), leaves)):
        found.update(value.detach().contiguous().numpy().tobytes())
print(found.hexdigest())
"""


@pytest.mark.slow
def test_a_smaller_team_than_was_planned_gives_the_same_bits() -> None:
    """OpenMP may give fewer threads than were asked for, and on a crowded machine a call takes one."""
    if not library.load().shared_threads:
        pytest.skip("threads are not OpenMP's")
    answers = set()
    for limit in ("4", "3", "2", "1"):
        paths = os.pathsep.join(p for p in sys.path if p)
        done = subprocess.run(
            [sys.executable, "-c", SMALL_TEAM],
            env=os.environ | {"OMP_THREAD_LIMIT": limit, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers.add(done.stdout)
    assert len(answers) == 1
