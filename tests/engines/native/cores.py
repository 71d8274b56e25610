"""One variant of the core in place of the one that this machine would load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from recurra.engines.native import library

every_core = pytest.mark.parametrize("core", library.variants() + library.emulated())


@contextmanager
def running(core: str, threads: int) -> Iterator[None]:
    """Calls go to this variant, on so many threads however small they are."""
    own = library.open_variant(core)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "load", lambda: own)
        patch.setattr(torch, "get_num_threads", lambda: threads)
        own.c.recurra_threads_as_asked(1)
        try:
            yield
        finally:
            own.c.recurra_threads_as_asked(0)
