"""A .zip of several files as the folder that was packed, unpacked into the cache."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from recurra.data.files.sources import BLOCK_BYTES, check_packed_size, members_of, read_member, sha256
from recurra.errors import DataError

MOST_FILES = 100_000


def is_packed_folder(path: Path) -> bool:
    """Whether it is a .zip with more than one file that counts; False for one that is damaged, told when it is read."""
    try:
        return path.suffix.lower() == ".zip" and path.is_file() and len(members_of(path)) > 1
    except DataError:
        return False


def unpacked(path: Path, cache: Path) -> Path:
    """The folder that a .zip holds, in `cache`, under a name that its content gives; what is there is not made again.

    A folder that is alone in the archive stands for it. What is packed as a link, or would be put outside, is refused.
    Errors: DataError, also if it unpacks to more than a pack may (see data.files.sources); OSError for the cache
    """
    target = cache / "unpacked" / sha256(path)[:32]
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as temporary:
            made = Path(temporary) / "made"
            _unpack(path, made)
            try:
                os.rename(made, target)
            except OSError:
                if not target.is_dir():  # else somebody else was faster
                    raise
    inside = list(target.iterdir())
    while len(inside) == 1 and inside[0].is_dir():
        target, inside = inside[0], list(inside[0].iterdir())
    return target


def _unpack(path: Path, folder: Path) -> None:
    members = members_of(path)
    if len(members) > MOST_FILES:
        raise DataError(
            f"this archive holds {len(members):,} files, {MOST_FILES:,} at most are unpacked",
            remedy="unpack it yourself and give the folder",
            file=path,
        )
    check_packed_size(path, sum(member.file_size for member in members))
    for member in members:
        place = _place(path, member)
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        with (folder / place).open("xb") as file, read_member(path, member) as stream:
            shutil.copyfileobj(stream, file, BLOCK_BYTES)


def _place(path: Path, member: zipfile.ZipInfo) -> Path:
    """Where a file goes, below the folder. Errors: DataError for a link, and for a place outside"""
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    link = (member.external_attr >> 16) & 0o170000 == 0o120000
    outside = not parts or ".." in parts or parts[0].startswith("/") or ":" in parts[0] or "\0" in member.filename
    if link or outside:
        what = "is a link" if link else "would stand outside of its folder"
        raise DataError(f"{member.filename!r:.100} in this archive {what}", remedy="pack it anew", file=path)
    return Path(*parts)
