"""A data set of two tiny files."""

from __future__ import annotations

import hashlib

from recurra.data.datasets.registry import (
    Layout,
    PinnedFile,
    PinnedSet,
)

CONTENTS = {"cat": b"miaow\npurr\n", "dog": b"woof\n"}


def pinned(url: str, layout: Layout = "folder", name: str = "tiny") -> PinnedSet:
    return PinnedSet(
        name=name,
        task="classify",
        layout=layout,
        description="What animals say",
        licence="none",
        defects="",
        options={"encoding": "ascii"},
        files={
            label: PinnedFile(
                name=f"{label}.txt",
                bytes=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                url=f"{url}/{label}.txt",
            )
            for label, content in CONTENTS.items()
        },
    )
