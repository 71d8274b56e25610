"""The folder that an export is: written beside its place, renamed when it is whole and proven."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recurra.errors import UsageError

ABOUT = "export.json"
"""Says what an export is; only folders that hold one are replaced."""


@contextmanager
def new_folder(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """A folder to write into, which becomes `out` when nothing went wrong.

    Errors: UsageError if `out` is there, unless it is an export that may be overwritten
    """
    check_free(out, overwrite=overwrite)
    out.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield place
        place.chmod(0o755)
        if out.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
            os.replace(out, old / "old")
            os.replace(place, out)
            shutil.rmtree(old)
        else:
            os.replace(place, out)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def check_free(out: Path, *, overwrite: bool) -> None:
    """Errors: UsageError for a path that is taken"""
    if not os.path.lexists(out):
        return
    if not overwrite:
        raise UsageError(f"{out} is there already; name another folder with --out, or give --overwrite")
    if not (out / ABOUT).is_file():
        raise UsageError(
            f"{out} is no export, which has an {ABOUT}; it is not overwritten; name another folder with --out"
        )


def write_about(place: Path, about: dict[str, Any]) -> None:
    """What the export is, with its files."""
    about["files"] = sorted({p.name for p in place.iterdir()} | {ABOUT})
    text = json.dumps(about, indent=2, ensure_ascii=False)
    (place / ABOUT).write_text(text + "\n", encoding="utf-8")
