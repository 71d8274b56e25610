"""manifest.json: which files a model folder consists of, with their sizes and SHA-256. It is written last."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from recurra.errors import ModelFolderError, nearest_path

FORMAT_VERSION = 2
MANIFEST = "manifest.json"
CONFIG, PREPROCESSING, METRICS, WEIGHTS = "config.json", "preprocessing.json", "metrics.json", "weights.safetensors"
REQUIRED = (CONFIG, PREPROCESSING, METRICS, WEIGHTS)
LARGEST = {MANIFEST: 1 << 20, CONFIG: 1 << 26, METRICS: 1 << 26, PREPROCESSING: 1 << 29}
"""Bytes of a file of JSON at most, for a parsed one takes many times as much memory."""
DEEPEST, LISTS, DIGITS = 32, 1 << 21, 20
"""Of JSON: how deep it goes, its lists and objects, and the digits of a whole number, at most."""
FILES = 1000
"""Files of a model at most."""
_BLOCK = 1 << 20

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """One file of the folder: its name, its size in bytes, the SHA-256 of its content in hexadecimal."""

    file: str
    bytes: int
    sha256: str


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
    """The JSON object in `content`: UTF-8, no key twice, neither deep nor with numbers beyond 64 bits.

    Infinity and NaN come back as they were written; whoever reads a number checks it.
    Errors: ModelFolderError names folder and file if it is none
    """
    if content.count(b"[") + content.count(b"{") > LISTS:
        raise ModelFolderError(f"{folder}: {name} has more than {LISTS:,} lists and objects; no model's has")
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise ModelFolderError(f"{folder}: {name} is not JSON: {str(error)[:200]}") from error
    if not isinstance(value, dict):
        raise ModelFolderError(f"{folder}: {name} is not a JSON object, but a {type(value).__name__}")
    if not _is_flat(value):
        raise ModelFolderError(f"{folder}: {name} is nested more than {DEEPEST} deep")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r:.100} appears twice in an object")
    return made


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"a whole number of {len(digits)} digits")
    return int(digits)


def _is_flat(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for values in inner for one in values if isinstance(one, dict | list)]
        if not level:
            return True
    return False


def to_bytes(entries: Iterable[Entry]) -> bytes:
    """The content of manifest.json."""
    files = [asdict(one) for one in sorted(entries, key=lambda one: one.file)]
    return to_json({"format_version": FORMAT_VERSION, "files": files})


def load(folder: Path) -> dict[str, Entry]:
    """The entries of a folder's manifest by name. The files themselves are not looked at.

    Errors:  ModelFolderError if there is no folder or manifest, it is of another format, or not as it must be
    """
    if not folder.is_dir():
        why = "is not a folder" if folder.exists() else "there is no such model folder"
        if not folder.exists() and (near := nearest_path(folder)) is not None:
            why += f"\ndid you mean {str(near)!r}?"
        raise ModelFolderError(f"{folder}: {why}")
    path = folder / MANIFEST
    if not path.is_file() or path.is_symlink():
        raise ModelFolderError(f"{folder}: not a model folder or writing it was interrupted: {MANIFEST} is missing")
    value = parse(folder, MANIFEST, _read_bytes(folder, MANIFEST, LARGEST[MANIFEST]))
    check_version(folder, MANIFEST, value)
    files = value.get("files")
    if not isinstance(files, list):
        raise ModelFolderError(f"{folder}: {MANIFEST} has no list of files")
    if len(files) > FILES:
        raise ModelFolderError(f"{folder}: {MANIFEST} lists {len(files):,} files; a model has {FILES} at most")
    entries = [_entry(folder, one) for one in files]
    names = [one.file for one in entries]
    twice = clash(names)
    if twice is not None:
        raise ModelFolderError(f"{folder}: {MANIFEST} lists {twice:.100} twice or lists itself")
    for name in REQUIRED:
        if name not in names:
            raise ModelFolderError(f"{folder}: {MANIFEST} does not list {name}, which every model has")
    return {one.file: one for one in entries}


def check_version(folder: Path, name: str, value: Mapping[str, Any]) -> None:
    """ModelFolderError unless `format_version` is one that this version of Recurra reads."""
    version = value.get("format_version")
    if type(version) is not int or version < 1:
        raise ModelFolderError(f"{folder}: {name} has no format_version, but {version!r:.100}")
    if version < FORMAT_VERSION:
        raise ModelFolderError(
            f"{folder}: written by an older version of Recurra (format {version}, this one reads {FORMAT_VERSION}); "
            "train it again with this version, or use it with the version that wrote it"
        )
    if version > FORMAT_VERSION:
        raise ModelFolderError(
            f"{folder}: written by a newer version of Recurra (format {version}, this one reads "
            f"{FORMAT_VERSION}); update Recurra"
        )


def content(folder: Path, one: Entry) -> bytes:
    """The bytes of a file, which are those that its entry stands for; ModelFolderError says what is wrong."""
    check_size(folder, one)
    found = _read_bytes(folder, one.file, one.bytes)
    if hashlib.sha256(found).hexdigest() != one.sha256:
        raise _altered(folder, one)
    return found


def verify(folder: Path, one: Entry) -> None:
    """As `content`, in little memory, for a file that is not looked into."""
    check_size(folder, one)
    found = hashlib.sha256()
    with opened(folder, one.file) as file:
        while block := file.read(_BLOCK):
            found.update(block)
    if found.hexdigest() != one.sha256:
        raise _altered(folder, one)


def check_size(folder: Path, one: Entry) -> None:
    """ModelFolderError unless the file is a plain one of the size that the manifest says. It is not read."""
    with opened(folder, one.file) as file:
        size = os.fstat(file.fileno()).st_size
    if size != one.bytes:
        kind = "truncated" if size < one.bytes else "altered"
        raise ModelFolderError(f"{folder}: {one.file} is {kind}: {size} bytes, the manifest says {one.bytes}")
    most = LARGEST.get(one.file)
    if most is not None and size > most:
        raise ModelFolderError(f"{folder}: {one.file} has {size:,} bytes; more than {most:,} are not read")


@contextmanager
def opened(folder: Path, name: str) -> Iterator[BinaryIO]:
    """A file of the folder itself, to be read: neither a link, nor anything that could wait or never end.

    Errors: ModelFolderError
    """
    path = folder / name
    flags = os.O_RDONLY
    for more in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):  # those that the system has
        flags |= getattr(os, more, 0)
    try:
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            handle = os.open(path, flags)
            with os.fdopen(handle, "rb") as file:
                mode = os.fstat(handle).st_mode  # it may have been replaced meanwhile
                if stat.S_ISREG(mode):
                    yield file
                    return
        kind = "a link" if stat.S_ISLNK(mode) else "no plain file"
        raise ModelFolderError(f"{folder}: {name} is {kind}; a model folder holds its own files")
    except FileNotFoundError as error:
        raise ModelFolderError(f"{folder}: {name} is missing") from error
    except OSError as error:
        raise ModelFolderError(f"{folder}: {name} cannot be read: {error.strerror}") from error


def _read_bytes(folder: Path, name: str, most: int) -> bytes:
    """The whole file. Errors: ModelFolderError if it has more than so many bytes"""
    with opened(folder, name) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise ModelFolderError(f"{folder}: {name} has more than {most:,} bytes")
    return found


def _altered(folder: Path, one: Entry) -> ModelFolderError:
    return ModelFolderError(f"{folder}: {one.file} was altered: its SHA-256 is not the manifest's")


def _entry(folder: Path, value: object) -> Entry:
    if not isinstance(value, dict) or set(value) != {"file", "bytes", "sha256"}:
        raise ModelFolderError(f"{folder}: {MANIFEST} has an entry without file, bytes and sha256: {value!r:.100}")
    name, size, sha256 = value["file"], value["bytes"], value["sha256"]
    if not is_plain_name(name):
        raise ModelFolderError(f"{folder}: {MANIFEST} lists {name!r:.100}, which is not a plain file name")
    if type(size) is not int or size < 0 or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ModelFolderError(f"{folder}: {MANIFEST} has no size and SHA-256 for {name}")
    return Entry(name, size, sha256)
