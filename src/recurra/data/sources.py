"""The bytes of a file: plain, .gz, or the one file in a .zip."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from recurra.errors import DataError

BLOCK_BYTES = 1 << 20


def read_blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The file's bytes, unpacked, in blocks of at most `size`. Errors: DataError if it cannot be read."""
    with _reported(path), _opened(path) as stream:
        while block := stream.read(size):
            yield block


def sha256(path: Path) -> str:
    """SHA-256 of the file as it lies there, packed or not, in hexadecimal digits; read in a stream."""
    with _reported(path), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_unpacked(path: Path) -> str:
    """As `sha256`, of what is in the pack."""
    digest = hashlib.sha256()
    for block in read_blocks(path):
        digest.update(block)
    return digest.hexdigest()


def inner_name(path: Path) -> str:
    """The file's name without its packing: "a.csv" for a.csv, a.csv.gz and for a .zip that holds a.csv."""
    suffix = path.suffix.lower()
    if suffix == ".zip":
        with _reported(path), zipfile.ZipFile(path) as archive:
            return Path(_only_member(archive, path).filename).name
    return path.stem if suffix == ".gz" else path.name


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    suffix = path.suffix.lower()
    if suffix == ".gz":
        with gzip.open(path, "rb") as stream:
            yield stream  # type: ignore[misc]  # GzipFile reads bytes; the stubs do not call it an IO
    elif suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(_only_member(archive, path)) as stream:
            yield stream
    else:
        with path.open("rb") as stream:
            yield stream


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    members = [
        member for member in archive.infolist() if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) > 1:  # "_about.txt" tells of the one that is meant
        members = [member for member in members if not Path(member.filename).name.startswith(("_", "."))] or members
    if len(members) != 1:
        raise DataError(
            f"this archive holds {len(members)} files, it must hold one", remedy="unpack it first", file=path
        )
    return members[0]


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn what the system or an unpacker raises about `path` into a DataError."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError("no such file", file=path) from error
    except IsADirectoryError as error:
        raise DataError("this is a folder, not a file", file=path) from error
    except (gzip.BadGzipFile, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"this archive is damaged: {error}", remedy="fetch or pack it again", file=path) from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile: encrypted, or an unknown compression
        raise DataError(f"this archive cannot be unpacked: {error}", file=path) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=path) from error
