"""The files of a model folder, and how one is changed so that the manifest still lists it."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Mutation = Callable[[Path, random.Random], str]
"""Changes a folder and says how."""

MANIFEST = "manifest.json"


DEEP = "[" * 400 + "]" * 400
VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 7, 4000, 10**6, 2**31, 2**53, 2**63, 10**12, 10**19, 10**30, -(10**12), 0.5, -0.5,
    1e308, 1e-320, float("nan"), float("inf"), "", "x", "0", "auto", "cuda", "char", "word", "bpe", "byte", "chinese",
    "../../../etc/passwd", "/dev/zero", "\ud800", "\x1b[31m", "a\0b", "a" * 100_000, "é漢\U0001f600", [], {}, [[]],
    [None], {"a": 1}, ["a", "a"], list(range(1000)), [[[[[[[[1]]]]]]]],
]  # fmt: skip


def json_files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.glob("*.json") if p.name not in (MANIFEST, "report.json"))


def tensor_files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.glob("*.safetensors"))


def put(folder: Path, name: str, content: bytes) -> None:
    """Write a file and its entry in the manifest."""
    path = folder / name
    path.write_bytes(content)
    rehash(folder, name)


def rehash(folder: Path, name: str) -> None:
    path = folder / MANIFEST
    value = json.loads(path.read_bytes())
    content = (folder / name).read_bytes()
    entry = {"file": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    value["files"] = [one for one in value["files"] if one["file"] != name] + [entry]
    path.write_text(json.dumps(value))


# files as such
