"""Which code a process runs."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

import torch

import recurra


def versions() -> dict[str, str]:
    """Of Recurra, with a digest of its files, and of torch."""
    root, found = Path(recurra.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    version = importlib.metadata.version("recurra")
    return {"recurra": f"{version} ({found.hexdigest()[:12]})", "torch": str(torch.__version__)}
