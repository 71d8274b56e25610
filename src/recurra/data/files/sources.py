"""The bytes of a file: plain, .gz, or the one file in a .zip.

A pack of a few kilobytes can hold gigabytes of the same byte, so what it may unpack to has an end: MOST_TIMES its own
size (texts come to 3 to 20 times), in any case FREE bytes, and never more than MOST. That is looked at before anything
is read, and again while reading. A file that is not packed has no limit.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from recurra.data import share
from recurra.errors import DataError

BLOCK_BYTES = 1 << 20
MOST_TIMES = 100
FREE = 16 << 20
LARGE = 16 << 20
"""Bytes of a file from which it takes a while to be read."""
MOST = 64 << 30
_TRIED = 8 << 20
"""A .gz of up to this many bytes is unpacked to see its size; a larger one says it in its last bytes."""
_DEFLATE_TIMES = 1032
"""No byte of a .gz stands for more."""


KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
"""What stands where a file is wanted, and may never end."""


def refuse_streams(path: Path) -> None:
    """Nothing is opened: a pipe without a writer would wait for one.

    Errors: DataError for a pipe, a device or a socket, and for what cannot be looked at; not for what is not there
    """
    if str(path) == "-":
        raise DataError(
            f"standard input is not a file: {READ_TWICE}", remedy="write it to a file first: ... > data.txt"
        )
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:  # ValueError: a NUL byte
        raise DataError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=path) from error
    kind = KINDS.get(stat.S_IFMT(found.st_mode))
    if kind is not None:
        raise DataError(f"this is {kind}, not a file: {READ_TWICE}", remedy="write it to a file first", file=path)


READ_TWICE = "data are read more than once, and again when the run is resumed or evaluated"


def read_blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The file's bytes, unpacked, in blocks of at most `size`.

    Errors: DataError if it cannot be read, or is a pack that unpacks to more than the limits allow
    """
    with _reported(path), _opened(path) as stream:
        limit = _limit(path)
        while block := stream.read(size):
            limit -= len(block)
            if limit < 0:
                raise _too_much(path, None)
            share.add(len(block))
            yield block


def _limit(path: Path) -> float:
    """Bytes that the file may unpack to."""
    if path.suffix.lower() not in (".gz", ".zip"):
        return float("inf")
    return min(MOST, max(FREE, MOST_TIMES * path.stat().st_size))


def _check_size(path: Path, declared: int) -> None:
    """Errors: DataError if what a pack says of its size is too much"""
    if declared > _limit(path):
        raise _too_much(path, declared)


def _too_much(path: Path, declared: int | None) -> DataError:
    packed = path.stat().st_size
    holds = f"more than {_limit(path):,.0f}" if declared is None else f"{declared:,}"
    return DataError(
        f"{packed:,} bytes unpack to {holds}; a pack may hold {MOST_TIMES} times its size, {FREE:,} bytes if it is "
        f"small, {MOST:,} at most",
        remedy="if that is right, unpack it yourself and give the file",
        file=path,
    )


def _check_gzip(path: Path) -> None:
    """Errors: DataError if a .gz unpacks to too much, as far as can be seen before reading"""
    state = path.stat()
    if state.st_size * _DEFLATE_TIMES <= FREE:
        return
    if state.st_size <= _TRIED:
        if not _fits(path, state.st_size, state.st_mtime_ns):
            raise _too_much(path, None)
        return
    with path.open("rb") as file:
        if file.read(2) == b"\x1f\x8b":
            file.seek(-4, 2)
            _check_size(path, int.from_bytes(file.read(4), "little"))


@functools.lru_cache(maxsize=64)
def _fits(path: Path, _size: int, _changed: int) -> bool:
    """Whether a .gz of this size and time unpacks to what is allowed."""
    left = _limit(path)
    with gzip.open(path, "rb") as stream:
        while left >= 0 and (block := stream.read(BLOCK_BYTES)):
            left -= len(block)
    return left >= 0


def sha256(path: Path) -> str:
    """SHA-256 of the file as it lies there, packed or not, in hexadecimal digits; read in a stream.

    A large one is read once by a process, unless it has changed.
    """
    with _reported(path):
        state = path.stat()
        if state.st_size >= LARGE:
            return _sha256_of(path.absolute(), state.st_size, state.st_mtime_ns, state.st_ino)
        return _sha256(path)


@functools.lru_cache(maxsize=64)
def _sha256_of(path: Path, _size: int, _changed: int, _file: int) -> str:
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_unpacked(path: Path) -> str:
    """As `sha256`, of what is in the pack."""
    digest = hashlib.sha256()
    for block in read_blocks(path):
        digest.update(block)
    return digest.hexdigest()


def inner_name(path: Path) -> str:
    """The file's name without its packing: "a.csv" for a.csv, a.csv.gz and for a .zip that holds a.csv."""
    refuse_streams(path)
    suffix = path.suffix.lower()
    if suffix == ".zip":
        with _reported(path), zipfile.ZipFile(path) as archive:
            return Path(_only_member(archive, path).filename).name
    return path.stem if suffix == ".gz" else path.name


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    suffix = path.suffix.lower()
    if suffix == ".gz":
        _check_gzip(path)
        with gzip.open(path, "rb") as stream:
            yield stream  # type: ignore[misc]  # GzipFile reads bytes; the stubs do not call it an IO
    elif suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            member = _only_member(archive, path)
            _check_size(path, member.file_size)  # which the reading keeps to
            with archive.open(member) as stream:
                yield stream
    else:
        with path.open("rb") as stream:
            yield stream


def members_of(path: Path) -> list[zipfile.ZipInfo]:
    """The files of a .zip that count: not what macOS adds, nor, beside others, those that begin with "_" or ".".

    Errors: DataError
    """
    with _reported(path), zipfile.ZipFile(path) as archive:
        return _counting(archive)


@contextmanager
def read_member(path: Path, member: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """The bytes of one of `members_of`. Errors: DataError"""
    with _reported(path), zipfile.ZipFile(path) as archive, archive.open(member) as stream:
        yield stream


def check_packed_size(path: Path, declared: int) -> None:
    """Errors: DataError if what a pack says of its size is too much"""
    _check_size(path, declared)


def _counting(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = [
        member for member in archive.infolist() if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) > 1:  # "_about.txt" tells of the one that is meant
        members = [member for member in members if not Path(member.filename).name.startswith(("_", "."))] or members
    return members


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    members = _counting(archive)
    if len(members) != 1:
        raise DataError(
            f"this archive holds {len(members)} files, it must hold one", remedy="unpack it first", file=path
        )
    return members[0]


_DAMAGED = (
    gzip.BadGzipFile,
    EOFError,
    zlib.error,
    zipfile.BadZipFile,
    lzma.LZMAError,
    struct.error,
    ValueError,
    OverflowError,
    IndexError,
)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn what the system or an unpacker raises about `path` into a DataError."""
    refuse_streams(path)
    try:
        yield
    except FileNotFoundError as error:
        raise DataError("no such file", file=path) from error
    except IsADirectoryError as error:
        raise DataError("this is a folder, not a file", file=path) from error
    except _DAMAGED as error:
        if "\0" in str(path):
            raise DataError("no such file", file=path) from error
        raise DataError(f"this archive is damaged: {error}", remedy="fetch or pack it again", file=path) from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile: encrypted, or an unknown compression
        raise DataError(f"this archive cannot be unpacked: {error}", file=path) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=path) from error
