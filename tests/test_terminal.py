"""What is printed commands no terminal, whole text comes out whole, and a stream that fails is no end."""

from __future__ import annotations

import io
import os
import sys

import pytest

from recurra.terminal import AS_GIVEN, Printed, escape, in_a_line, standard_error, whole


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise ValueError("I/O operation on closed file")


OBEYED = [*range(9), *range(11, 32), *range(127, 160), 0x2028, 0x202E, 0x2066, 0x200F, 0x061C]
UNSEEN = [0xAD, 0x200B, 0x2060, 0xFEFF, 0x115F, 0x3164, 0xFFA0, 0x180E, 0xE0041, 0xE0101, 0xD83D, 0xDCE9]


@pytest.mark.parametrize("code", OBEYED + UNSEEN)
def test_what_a_terminal_obeys_or_hides_is_written_out(code: int) -> None:
    shown = escape(f"a{chr(code)}b")
    assert chr(code) not in shown
    assert shown == f"a{chr(code).encode('unicode_escape').decode()}b"


@pytest.mark.parametrize(
    "text",
    ["tab\tand\nlines", "Ślusàrski 电影 ひらがな", "👩‍👩‍👧 🏳️‍🌈", "می‌خواهم", "क्‍ष", "[red]x[/red] [/] :smile: {x} %s"],
)
def test_text_stays_as_it_is(text: str) -> None:
    assert escape(text) == text


def test_joiners_beside_ascii_hide_something() -> None:
    assert escape("pay\u200dpal a\u200c") == "pay\\u200dpal a\\u200c"
    assert in_a_line("a\nb\tc") == "a\\nb\\tc"


def test_halves_of_pairs() -> None:
    assert whole("Anna \ud83d") == "Anna \ufffd"
    assert whole("\ud83d\ude00 \ude00\ud83d") == "😀 \ufffd\ufffd"
    assert whole("电影") == "电影"


def test_only_a_terminal_is_guarded_unless_asked() -> None:
    for stream, escaped, shown in (
        (Terminal(), None, "\\x1b"),
        (io.StringIO(), None, "\x1b"),
        (io.StringIO(), True, "\\x1b"),
        (Terminal(), False, "\x1b"),
    ):
        Printed(stream, escaped=escaped).write("\x1b")
        assert stream.getvalue() == shown


def test_a_stream_that_fails_goes_quiet_or_says_so() -> None:
    quiet = Printed(Broken(), heard=False)
    assert quiet.write("ab") == 2
    assert quiet.quiet
    quiet.flush()
    with pytest.raises(OSError, match="No space"):
        Printed(Broken()).write("ab")
    nothing = Printed(None, heard=False)
    nothing.log("ab")
    assert not nothing.isatty()


def test_lines_for_people_are_escaped_where_the_cursor_may_move(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", Printed(stream, escaped=True))
    standard_error().write("\r50 %")
    standard_error().log("a\x1b[2J")
    assert stream.getvalue() == "\r50 %a\\x1b[2J\n"


def test_bytes_of_a_name_come_out_as_they_came_in() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", errors=AS_GIVEN, newline="\n")
    stream.write(os.fsdecode(b"caf\xe9") + " \ud83d 电")
    stream.flush()
    assert raw.getvalue() == b"caf\xe9 \\ud83d \xe7\x94\xb5"
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=AS_GIVEN)
    narrow.write("电\udce9")
    narrow.flush()
    assert narrow.buffer.getvalue() == b"\\u7535\\udce9"
