"""What is known of the named data sets that are not built in: registry.json, as dataclasses.

A set's `layout` says what the keys of its files mean:

    folder   a label each; the files are <label>.txt
    labels   a label each; the files have names of their own
    parts    train, validation, test; a key with .tags, such as train.tags, is the file of tags beside that part
    one      "all"
    files    a name each, that of the file: its kind knows what it means

Its `kind` says what the files are where the task alone does not: see tasks.sources.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

BUILT_IN = ("surnames", "python-docs")
BUILT_IN_PAIRS = ("chinese-pairs", "chinese-pairs-tuning")
"""Too small to learn from."""
BUILT_IN_CAPTIONS = ("shapes",)
BUILT_IN_PICTURES = ("digits", "moving-shapes", "moving-shapes-whole")
"""Written as files when they are first asked for."""

Layout = Literal["folder", "labels", "parts", "one", "files"]
Kind = Literal[
    "text", "table", "labels", "tagged", "parallel", "tunes", "poems", "series",
    "sequences", "clips", "images", "captions",
]  # fmt: skip


@dataclass(frozen=True)
class PinnedFile:
    """One file: its name in the set's folder, and what it must be. In a folder of the user's it may be packed, NAME.gz.

    Units: bytes as the name says; sha256 in lower-case hexadecimal digits
    """

    name: str
    bytes: int
    sha256: str
    url: str


@dataclass(frozen=True)
class PinnedSet:
    """One data set whose files are pinned."""

    name: str
    task: str
    layout: Layout
    description: str
    licence: str
    defects: str
    options: dict[str, Any]
    files: dict[str, PinnedFile]
    kind: Kind | None = None
    folder: str = ""
    """Under $RECURRA_DATA, where it is not the set's own name."""


def read_registry(path: Path) -> dict[str, PinnedSet]:
    """The pinned sets by name, in the file's order. A file's url is its set's `source` and its name."""
    return {
        name: PinnedSet(
            name=name,
            task=entry["task"],
            layout=entry["layout"],
            description=entry["description"],
            licence=entry["licence"],
            defects=entry["defects"],
            options=entry["options"],
            kind=entry.get("kind"),
            folder=entry.get("folder", ""),
            files={key: PinnedFile(**file, url=entry["source"] + file["name"]) for key, file in entry["files"].items()},
        )
        for name, entry in json.loads(path.read_text(encoding="utf-8")).items()
    }


REGISTRY = read_registry(Path(__file__).with_name("registry.json"))
