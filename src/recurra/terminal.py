"""What is printed: nothing in it commands a terminal, and nothing is lost because nobody listens."""

from __future__ import annotations

import codecs
import os
import re
import sys
from contextlib import suppress
from typing import Any, TextIO

_COMMANDS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but for tab and line feed, DEL, C1
_LINES = r"\u2028\u2029"
_DIRECTION = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = r"\xad\u115f\u1160\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
_BEYOND = r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
_HALVES = r"\ud800-\udfff"
_JOINER = r"[\u200c\u200d](?![^\x00-\x7f])|(?<![^\x00-\x7f])[\u200c\u200d]"  # beside ASCII; scripts and emoji need them
_ESCAPED = re.compile(f"[{_COMMANDS}{_LINES}{_DIRECTION}{_UNSEEN}{_BEYOND}{_HALVES}]|{_JOINER}")


def escape(text: str) -> str:
    r"""The text with what a terminal obeys or hides written out, as in `\x1b`; tabs and line feeds stay.

    That is: control characters (C0, C1, DEL), separators of lines, marks that turn the direction of text around,
    characters without width (joiners only beside ASCII), halves of surrogate pairs.
    """
    return _ESCAPED.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def in_a_line(text: object) -> str:
    """As `escape`, with line feeds and tabs written out too: a name in a message."""
    return escape(str(text)).replace("\n", "\\n").replace("\t", "\\t")


def whole(text: str) -> str:
    """The text without halves of surrogate pairs: two that fit are one character, one alone is U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class Printed:
    """A text stream with a guard in front.

    escaped: write out what a terminal obeys, None: if the stream is one; heard: a failing write is an error. Unheard,
    the stream goes quiet at the first one: a reader that left, a full disk, a terminal that was closed.
    """

    def __init__(self, stream: TextIO | None, *, escaped: bool | None = None, heard: bool = True) -> None:
        self.stream: Any = stream
        self.heard = heard
        self.escaped = self.isatty() if escaped is None else escaped
        self.quiet = stream is None  # as in a process without one

    @property
    def plain(self) -> Printed:
        """The same stream for what moves the cursor on purpose; nothing is escaped and nothing fails."""
        return Printed(self.stream, escaped=False, heard=False)

    def write(self, text: str) -> int:
        if not self.quiet:
            try:
                self.stream.write(escape(text) if self.escaped else text)
            except (OSError, ValueError):  # ValueError: it was closed
                self._failed()
        return len(text)

    def flush(self) -> None:
        if not self.quiet:
            try:
                self.stream.flush()
            except (OSError, ValueError):
                self._failed()

    def log(self, line: str) -> None:
        """A line that somebody else's names may be in."""
        self.write(f"{escape(line)}\n")
        self.flush()

    def _failed(self) -> None:
        if self.heard:
            raise
        self.quiet = True
        silence(self.stream)

    def writelines(self, lines: list[str]) -> None:
        self.write("".join(lines))

    def isatty(self) -> bool:
        try:
            return bool(self.stream.isatty())
        except (AttributeError, OSError, ValueError):
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def silence(stream: TextIO) -> None:
    """Nobody reads it any more; what is still buffered must not fail again when Python exits."""
    with suppress(OSError, ValueError):
        number = stream.fileno()
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, number)
        os.close(sink)


def standard_error() -> Printed:
    """stderr for what moves the cursor on purpose; whoever writes to it escapes what is not his own."""
    return sys.stderr.plain if isinstance(sys.stderr, Printed) else Printed(sys.stderr, escaped=False, heard=False)


def _as_given(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes of a file's name that are no text come out as they came in; what cannot be written is written out."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    part = error.object[error.start : error.end]
    if error.encoding.lower().replace("_", "-") == "utf-8" and all("\udc80" <= c <= "\udcff" for c in part):
        return part.encode("utf-8", "surrogateescape"), error.end
    return part.encode("ascii", "backslashreplace").decode("ascii"), error.end


AS_GIVEN = "recurra-as-given"
"""What becomes of characters that a stream cannot encode."""
codecs.register_error(AS_GIVEN, _as_given)
