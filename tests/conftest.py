"""What the whole suite needs of its surroundings."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Generator, Iterator

import pytest

for _threads in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")
"""Before torch is imported: the suite's networks are too small to share among threads, and `pytest -n 2` runs processes
side by side. What is about threads asks for its own number."""
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
"""Threads that wait let others work: there are fewer processors than threads where tests are about threads."""

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
"""Compiled once, not in every process: the package takes half a second, the tests with their asserts eight."""


def _not_waiting(handle: int) -> None:
    """Nobody pulls the plug on a test, and waiting for a disk thousands of times takes minutes."""
    os.fstat(handle)


os.fsync = _not_waiting


def pytest_configure() -> None:
    """A shell starts what runs in the background with SIGINT ignored, nohup with SIGHUP: tests of signals need them."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) == signal.SIG_IGN:
        signal.signal(hangup, signal.SIG_DFL)


def _torch_settings() -> dict[str, object]:
    """What torch keeps for a whole thread or process, and what any test after this one would compute by."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    return {
        "gradients": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "default dtype": torch.get_default_dtype(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "anomaly detection": torch.is_anomaly_enabled(),
        "threads": torch.get_num_threads(),
    }


_before: dict[str, object] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _before.clear()
    _before.update(_torch_settings())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """No test changes what the next ones compute by: the one that does fails, not one that comes after it."""
    done = yield
    after = _torch_settings()
    changed = [f"{name} {value} -> {after[name]}" for name, value in _before.items() if after[name] != value]
    if changed:
        pytest.fail(f"leaves torch changed: {', '.join(changed)}", pytrace=False)
    return done


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: garbage is not looked for in it, nor in torch, again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
        for logger in logging.root.manager.loggerDict.values():
            if isinstance(logger, logging.Logger):
                logger.propagate = True  # pytest hangs its handlers on each that does not, torch's 43, six times a test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a worker sends of each test is short: nobody asks a report for the names of all that is around a test."""
    report = yield
    report.keywords = {}
    return report
