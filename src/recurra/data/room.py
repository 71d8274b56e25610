"""Room for an array that is large: in memory, or mapped from a file that nobody sees."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def room(count: int, kind: npt.DTypeLike, folder: Path | None = None) -> npt.NDArray[Any]:
    """An array of so many numbers, which are not set. folder: where its file is, which is gone with it

    Errors: OSError if the disk is too small for it, before anything is written to it
    """
    bytes_ = count * np.dtype(kind).itemsize
    if folder is None or not bytes_:
        return np.empty(count, kind)
    with tempfile.TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, bytes_)
        else:  # what is mapped and cannot be written would end the process
            for start in range(0, bytes_, 1 << 20):
                file.write(bytes(min(1 << 20, bytes_ - start)))
            file.flush()
        return np.memmap(file, kind, "r+", shape=(count,))
