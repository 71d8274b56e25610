"""Arrays whose room is on disk are arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recurra.data.room import room


def test_room_is_the_same_in_memory_and_on_disk(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        found = room(5, np.uint16, folder)
        found[:] = range(5)
        assert (found.dtype, found.tolist()) == (np.uint16, [0, 1, 2, 3, 4])
        assert room(0, np.int64, folder).tolist() == []
    assert not list(tmp_path.iterdir())
    assert isinstance(found, np.memmap)
