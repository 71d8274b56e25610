"""The music of ABC notation, piece by piece: notes, rests, chords, bar lines and the rest, with their lengths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

Kind = Literal[
    "note", "rest", "chord", "bar", "ending", "symbol", "tuplet", "broken", "tie", "field", "space", "ornament", "other"
]

_LENGTH = r"(?P<{0}>\d*/*\d*)"
_PITCH = r"(?:\^{1,2}|_{1,2}|=)?[A-Ga-g][,']*"
_AFTER_SYMBOL = r"[~.H-Wh-w!{(\[\^_=A-Ga-gzxZX\"]"
"""What may come after a symbol that U: redefines: the note that it belongs to, or more before that."""
_PLUS = r"\+(?=[a-z().]*[h-y])[a-z().]+\+"
"""A decoration as it was written before !trill!; a chord of the 1990s has no letter but a to g."""
# What opens stands in no class of what it may hold, so that a line of openings is not searched again from each of them.
_PIECE = re.compile(
    "|".join(
        (
            r'(?P<symbol>"[^"\n]*")',
            rf"(?P<ornament>![^!\n]*!|\{{[^{{}}\n]*\}}|[~.HLMOPSTuvJR]|[H-Wh-w](?={_AFTER_SYMBOL})|{_PLUS})",
            r"\[(?P<field>[A-Za-z]:[^\[\]\n]*)\]",
            r"\[(?P<ending>[1-9][0-9,.-]*)",
            r"(?P<bar>\[\|[\]:|]*|[:|][:|\]]*)",
            r"(?P<chord>\[[^\[\]|:\n]*\]|\+[^+\nA-Ga-g]*[A-Ga-g][^+\n]*+\+)" + _LENGTH.format("chord_length"),
            r"\((?P<tuplet>[2-9](?::\d*){0,2})",
            rf"(?P<note>{_PITCH})" + _LENGTH.format("note_length"),
            r"(?P<rest>[zxZX])" + _LENGTH.format("rest_length"),
            r"(?P<broken><+|>+)",
            r"(?P<tie>-)",
            r"(?P<space>[ \t\n\\]+)",
            r"(?P<other>.)",
        )
    )
)
PASSED_OVER = "()y`$!"
"""Signs without a meaning for the music: slurs, room, and the ends of printed lines."""
_NOTE = re.compile(rf"(?P<note>{_PITCH})" + _LENGTH.format("length"))
_ONE = Fraction(1)
LONGEST_NUMBER = 4
"""Digits of a number, slashes of a length and signs of a broken rhythm that are still music."""
_AFTER_BAR = re.compile(r"[1-9](?:[,-][1-9])*(?![0-9/])")


@dataclass(frozen=True)
class Piece:
    """A piece of music as it is written.

    text: without its length; of a chord its notes "[CEG]", of a field "M:6/8", of an ending its numbers; length: in
    unit notes, of notes, rests and chords; 0 for all else
    """

    kind: Kind
    text: str
    length: Fraction = Fraction(0)


def pieces(music: str) -> Iterator[Piece]:
    """The pieces of some music, none left out: what is not understood is of the kind "other".

    Chords are read in today's writing, [CEG], and in that of the 1990s, +CEG+; "|1" is a bar line and an ending.
    """
    position = 0
    while position < len(music):
        found = _PIECE.match(music, position)
        if found is None:  # "." takes all but the line feed, which is a space
            raise AssertionError(music[position])
        position = found.end()
        kind = _KINDS[found.lastgroup or "other"]
        text = found[kind]
        if kind in ("note", "rest"):
            yield Piece(kind, text, length_of(found[f"{kind}_length"]))
        elif kind == "chord":
            yield _chord(text, length_of(found["chord_length"]))
        else:
            yield Piece(kind, text)
        if kind == "bar" and (ending := _AFTER_BAR.match(music, position)):
            position = ending.end()
            yield Piece("ending", ending[0])


_KINDS: dict[str, Kind] = {
    **{kind: kind for kind in get_args(Kind)},
    "note_length": "note",
    "rest_length": "rest",
    "chord_length": "chord",
}
"""By the last group of a match."""


def length_of(written: str) -> Fraction:
    """A length as it is written after a note: "" is 1, "3" 3, "3/2" 3/2, "/" 1/2, "//" 1/4.

    0 if it cannot be, as numbers of more than LONGEST_NUMBER digits cannot.
    """
    if not written:
        return _ONE
    above, slashes, below = re.fullmatch(r"(\d*)(/*)(\d*)", written).groups()  # type: ignore[union-attr]
    if max(map(len, (above, slashes, below))) > LONGEST_NUMBER:
        return Fraction(0)
    over = int(below) if below else 2 ** len(slashes)
    return Fraction(int(above or 1), over) if over else Fraction(0)


def written_length(length: Fraction) -> str:
    """What `length_of` reads, as short as can be but for "/2", which is clearer than "/"."""
    above = "" if length.numerator == 1 else str(length.numerator)
    return above if length.denominator == 1 else f"{above}/{length.denominator}"


def chord_notes(text: str) -> list[str]:
    """The pitches of a chord's text."""
    return [found["note"] for found in _NOTE.finditer(text)]


def _chord(text: str, outer: Fraction) -> Piece:
    """A chord is as long as its first note, times the length behind the bracket."""
    notes = list(_NOTE.finditer(text))
    if not notes:
        return Piece("other", text)
    return Piece("chord", f"[{''.join(n['note'] for n in notes)}]", outer * length_of(notes[0]["length"]))
