"""The page's own files, which are read once: nothing is looked for by a name that somebody sends."""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from importlib.resources.abc import Traversable

KINDS = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".html": "text/html"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the page."""


@functools.cache
def contents() -> dict[str, tuple[bytes, str]]:
    """Every file by its name, with its type: page.js, strings/zh.json."""
    found: dict[str, tuple[bytes, str]] = {}

    def walk(folder: Traversable, before: str) -> None:
        for one in sorted(folder.iterdir(), key=lambda each: each.name):
            if one.is_dir():
                walk(one, f"{before}{one.name}/")
            elif (ending := f".{one.name.rpartition('.')[2]}") in KINDS:
                found[before + one.name] = one.read_bytes(), KINDS[ending]

    walk(files("recurra.inspector") / "static", "")
    return found


def strings() -> dict[str, dict[str, str]]:
    """By language."""
    return {
        name.removeprefix("strings/").removesuffix(".json"): json.loads(content)
        for name, (content, _) in contents().items()
        if name.startswith("strings/")
    }
