"""manifest.json: which files a model folder consists of, with their sizes and SHA-256. It is written last."""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recurra.errors import ModelFolderError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
CONFIG, VOCABULARY, METRICS, WEIGHTS = "config.json", "vocabulary.json", "metrics.json", "weights.safetensors"
REQUIRED = (CONFIG, VOCABULARY, METRICS, WEIGHTS)

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """One file of the folder: its name, its size in bytes, the SHA-256 of its content in hexadecimal."""

    file: str
    bytes: int
    sha256: str


def entry(name: str, content: bytes) -> Entry:
    """The entry of a file with this content."""
    return Entry(name, len(content), hashlib.sha256(content).hexdigest())


def is_plain_name(name: object) -> bool:
    """Whether it is the name of a file in the folder itself: no separators, no "..", at most 100 characters."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def clash(names: Iterable[str]) -> str | None:
    """A name that is there twice, capitals or not: some file systems would keep one file of the two."""
    seen: set[str] = {MANIFEST}
    for name in names:
        if name.lower() in seen:
            return name
        seen.add(name.lower())
    return None


def to_json(value: Mapping[str, Any]) -> bytes:
    """The same bytes for the same content: sorted keys, ASCII. Infinity and NaN are written as Python reads them."""
    return (json.dumps(value, sort_keys=True, indent=1) + "\n").encode("ascii")


def parse(folder: Path, name: str, content: bytes) -> dict[str, Any]:
    """The JSON object in `content`; ModelFolderError names folder and file if it is none."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelFolderError(f"{folder}: {name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ModelFolderError(f"{folder}: {name} is not a JSON object, but a {type(value).__name__}")
    return value


def to_bytes(entries: Iterable[Entry]) -> bytes:
    """The content of manifest.json."""
    files = [asdict(one) for one in sorted(entries, key=lambda one: one.file)]
    return to_json({"format_version": FORMAT_VERSION, "files": files})


def load(folder: Path) -> dict[str, Entry]:
    """The entries of a folder's manifest by name. The files themselves are not looked at.

    Errors:  ModelFolderError if there is no folder or manifest, it is of a newer format, or not as it must be
    """
    if not folder.is_dir():
        why = "is not a folder" if folder.exists() else "there is no such model folder"
        raise ModelFolderError(f"{folder}: {why}")
    path = folder / MANIFEST
    if not path.is_file() or path.is_symlink():
        raise ModelFolderError(f"{folder}: not a model folder or its writing was cut off: {MANIFEST} is missing")
    value = parse(folder, MANIFEST, _read_bytes(folder, MANIFEST))
    check_version(folder, MANIFEST, value)
    files = value.get("files")
    if not isinstance(files, list):
        raise ModelFolderError(f"{folder}: {MANIFEST} has no list of files")
    entries = [_entry(folder, one) for one in files]
    names = [one.file for one in entries]
    twice = clash(names)
    if twice is not None:
        raise ModelFolderError(f"{folder}: {MANIFEST} lists {twice} twice or lists itself")
    for name in REQUIRED:
        if name not in names:
            raise ModelFolderError(f"{folder}: {MANIFEST} does not list {name}, which every model has")
    return {one.file: one for one in entries}


def check_version(folder: Path, name: str, value: Mapping[str, Any]) -> None:
    """ModelFolderError unless `format_version` is one that this version of Recurra reads."""
    version = value.get("format_version")
    if type(version) is not int or version < 1:
        raise ModelFolderError(f"{folder}: {name} has no format_version, but {version!r}")
    if version > FORMAT_VERSION:
        raise ModelFolderError(
            f"{folder}: written by a newer version of Recurra (format {version}, this one reads "
            f"{FORMAT_VERSION}); update Recurra"
        )


def content(folder: Path, one: Entry) -> bytes:
    """The bytes of a file, which are those that its entry stands for; ModelFolderError says what is wrong."""
    found = _read_bytes(folder, one.file)
    if len(found) != one.bytes:
        kind = "truncated" if len(found) < one.bytes else "altered"
        raise ModelFolderError(f"{folder}: {one.file} is {kind}: {len(found)} bytes, the manifest says {one.bytes}")
    if hashlib.sha256(found).hexdigest() != one.sha256:
        raise ModelFolderError(f"{folder}: {one.file} was altered: its SHA-256 is not the manifest's")
    return found


def _read_bytes(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a link" if stat.S_ISLNK(mode) else "no plain file"
            raise ModelFolderError(f"{folder}: {name} is {kind}; a model folder holds its own files")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelFolderError(f"{folder}: {name} is missing") from error
    except OSError as error:
        raise ModelFolderError(f"{folder}: {name} cannot be read: {error.strerror}") from error


def _entry(folder: Path, value: object) -> Entry:
    if not isinstance(value, dict) or set(value) != {"file", "bytes", "sha256"}:
        raise ModelFolderError(f"{folder}: {MANIFEST} has an entry without file, bytes and sha256: {value!r:.100}")
    name, size, sha256 = value["file"], value["bytes"], value["sha256"]
    if not is_plain_name(name):
        raise ModelFolderError(f"{folder}: {MANIFEST} lists {name!r:.100}, which is no plain file name")
    if type(size) is not int or size < 0 or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ModelFolderError(f"{folder}: {MANIFEST} has no size and SHA-256 for {name}")
    return Entry(name, size, sha256)
