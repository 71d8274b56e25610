"""Fabric without its own lines: what a run computes with is told once, by Recurra."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_fabric() -> Iterator[None]:
    """While entered, Fabric says nothing of how it is set up; its warnings stay."""
    log = logging.getLogger("lightning_fabric.utilities.rank_zero")
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(before)
