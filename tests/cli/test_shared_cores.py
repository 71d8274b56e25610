"""What the command line tells OpenMP before torch is loaded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SHOW = """
import os, sys
from recurra.cli import main
try:
    main(sys.argv[1:])
finally:
    print("spins", os.environ.get("GOMP_SPINCOUNT"), file=sys.stderr)
"""


def spins(*arguments: str, **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}}
    found = subprocess.run(
        [sys.executable, "-c", SHOW, *arguments], env=clean | environment, capture_output=True, text=True, check=True
    )
    return found.stderr.splitlines()[-1]


def test_waiting_threads_sleep_soon() -> None:
    assert spins("--version") == "spins 10000"


@pytest.mark.parametrize(
    ("environment", "left"), [({"GOMP_SPINCOUNT": "7"}, "spins 7"), ({"OMP_WAIT_POLICY": "active"}, "spins None")]
)
def test_who_has_set_it_decides(environment: dict[str, str], left: str) -> None:
    assert spins("--version", **environment) == left


def test_benchmarks_run_as_torch_has_it() -> None:
    assert spins("bench", "--help") == "spins None"
