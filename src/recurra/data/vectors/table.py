"""Word vectors of a vocabulary: read from a file, of which nothing else is kept, and written to one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.data.vectors.file import VectorFile
from recurra.errors import DataError, UsageError

MISSING, FOLDED, EXACT = 0, 1, 2
"""How a token was found: not at all, in lower case, as it is."""


@dataclass(frozen=True)
class Found:
    """The vectors of some tokens.

    rows: float32 [V, E], 0 without a vector; how: uint8 [V], MISSING, FOLDED or EXACT; read: rows of the file;
    duplicates: rows of a wanted token that had its vector already, the first of them counts; nameless: rows without a
    token; undecodable: rows whose token is not in the encoding, undecodable_at: the line of the first of them (in a
    binary file its number), None for none.
    """

    rows: npt.NDArray[np.float32]
    how: npt.NDArray[np.uint8]
    read: int
    duplicates: int
    nameless: int
    undecodable: int
    undecodable_at: int | None

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """bool [V]: which tokens have a vector."""
        known: npt.NDArray[np.bool_] = self.how != MISSING
        return known


def read_vectors(path: Path, tokens: Sequence[str], *, encoding: str = "utf-8") -> Found:
    """The vectors of these tokens. A token that the file lacks takes the vector of its lower case, if there is one.

    Errors: DataError with file and line, see VectorFile; for a file that has none of the tokens
    """
    file = VectorFile(path, encoding)
    wanted = {token: place for place, token in enumerate(tokens)}
    folded: dict[str, list[int]] = {}
    for token, place in wanted.items():
        if token.lower() != token:
            folded.setdefault(token.lower(), []).append(place)
    try:
        rows = np.zeros((len(tokens), file.width), dtype=np.float32)
    except MemoryError:
        raise DataError(
            f"there is not enough memory for {len(tokens):,} vectors of {file.width:,} numbers",
            file=path,
            remedy="take a smaller vocabulary, or a file of shorter vectors",
        ) from None
    how = np.full(len(tokens), MISSING, dtype=np.uint8)
    read = duplicates = nameless = undecodable = 0
    undecodable_at: int | None = None
    for line, written, numbers in file.rows():
        read += 1
        name = file.token(written)
        if not name:
            nameless += name is not None
            undecodable += name is None
            undecodable_at = line if undecodable_at is None and name is None else undecodable_at
            continue
        own, alike = wanted.get(name), folded.get(name, ())
        duplicates += own is not None and bool(how[own] == EXACT)
        indices = [place for place in alike if how[place] == MISSING]
        if own is not None and how[own] != EXACT:
            indices.append(own)
        if indices:
            rows[indices] = file.vector(line, numbers)
            how[indices] = FOLDED
            if own is not None and own in indices:
                how[own] = EXACT
    if tokens and not (how != MISSING).any():
        raise DataError(
            f"none of the {len(tokens):,} tokens wanted has a vector here",
            file=path,
            remedy="is it of the same language, and are its tokens words, as the model's are?",
        )
    return Found(rows, how, read, duplicates, nameless, undecodable, undecodable_at)


def check_out(path: Path, *, overwrite: bool) -> Path:
    """The path, if a file may be written there. Errors: UsageError; DataError if its folder is not there"""
    if path.is_dir() or (path.exists() and not overwrite):
        remedy = "name a file" if path.is_dir() else "pass --overwrite to replace it"
        raise UsageError(f"{path} exists already; {remedy}")
    if not path.absolute().parent.is_dir():
        raise DataError("cannot be written: there is no such folder", remedy="make it first", file=path)
    return path


def write_vectors(
    path: Path, tokens: Sequence[str], rows: npt.NDArray[np.float32], *, overwrite: bool = False
) -> tuple[int, int]:
    """Write word2vec text, whole or not at all: how many vectors, and how many tokens it cannot hold.

    The format cannot hold a token with white space in it; such tokens are left out.
    Shapes: rows [V, E]
    Errors: as `check_out`; DataError if the system cannot write it
    """
    path = check_out(path, overwrite=overwrite)
    kept = [place for place, token in enumerate(tokens) if token.split() == [token]]
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(f"{len(kept)} {rows.shape[1]}\n")
            for place in kept:
                stream.write(" ".join([tokens[place], *(f"{value:.6g}" for value in rows[place].tolist())]) + "\n")
        beside.replace(path)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", file=path) from error
    finally:
        beside.unlink(missing_ok=True)
    return len(kept), len(tokens) - len(kept)
