"""A process that cuts what it is given into words, until it is given no more; see `beside`."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import IO

import numpy as np

from recurra.data.tokens.cut import Cut, Numbered, Numbering

_SIZE = 8
"""Bytes of the length that stands before each message."""


def ask(stream: IO[bytes], texts: Sequence[str]) -> None:
    """Have them cut. Errors: OSError if nobody reads any more"""
    _send(stream, *_packed(texts))
    stream.flush()


def answer(stream: IO[bytes]) -> Numbered:
    """What came of it. Errors: EOFError if there is no more, or not all of it"""
    sizes, ids = np.frombuffer(_receive(stream), np.int64), np.frombuffer(_receive(stream), np.uint32)
    known = int.from_bytes(_receive(stream), "little")
    return Numbered(sizes, known, _texts(stream), ids)


def begin(stream: IO[bytes], cut: Cut) -> None:
    """Say how texts are cut. Errors: OSError"""
    _send(stream, json.dumps(asdict(cut)).encode())
    stream.flush()


def main() -> None:
    """Read how texts are cut, then lists of texts; write of each what `answer` reads."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; who started this closes its input
    given, taken = sys.stdin.buffer, sys.stdout.buffer
    try:
        how = json.loads(_receive(given))
        numbering = Numbering(Cut(how["kind"], tuple(how["normalize"]), how["split"]))
        while True:
            found = numbering.of(_texts(given))
            known = found.known.to_bytes(_SIZE, "little")
            _send(taken, found.sizes.tobytes(), found.ids.tobytes(), known, *_packed(found.words))
            taken.flush()
    except (EOFError, OSError):
        return


def _packed(texts: Sequence[str]) -> tuple[bytes, bytes]:
    """How many characters each has, and all of them in UTF-8."""
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    return sizes.tobytes(), "".join(texts).encode("utf-8", "surrogatepass")


def _texts(stream: IO[bytes]) -> list[str]:
    edges = np.cumsum(np.frombuffer(_receive(stream), np.int64)).tolist()
    whole = _receive(stream).decode("utf-8", "surrogatepass")
    return [whole[start:stop] for start, stop in zip([0, *edges], edges, strict=False)]


def _send(stream: IO[bytes], *messages: bytes) -> None:
    for letters in messages:
        stream.write(len(letters).to_bytes(_SIZE, "little"))
        stream.write(letters)


def _receive(stream: IO[bytes]) -> bytes:
    return _exactly(stream, int.from_bytes(_exactly(stream, _SIZE), "little"))


def _exactly(stream: IO[bytes], count: int) -> bytes:
    found = stream.read(count)
    if len(found) < count:
        raise EOFError(f"expected {count} bytes, got {len(found)}")
    return found
