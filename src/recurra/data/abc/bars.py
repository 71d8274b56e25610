"""Whether the bars of a tune in ABC notation are complete."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from recurra.data.abc.music import LONGEST_NUMBER, PASSED_OVER, Piece, pieces

_FIELD = re.compile(r"([A-Za-z]):(.*)")
_MOST_GROUPS = 100
"""Numbers that are added in a metre, as in 2+2+3/8."""
_TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
"""p notes in the time of q; 5, 7 and 9 are in the time of 3 in 6/8, 9/8 and 12/8, of 2 in other metres."""


@dataclass(frozen=True)
class Bar:
    """What stands between two bar lines.

    length, full: in whole notes, what it lasts and what the metre asks for; opens, closes: whether it is the first or
    the last one of a section, that is, beside a repeat sign, a double bar line, an ending, or the tune's begin or end.
    """

    length: Fraction
    full: Fraction
    opens: bool
    closes: bool


def bars(tune: str) -> list[Bar] | None:
    """The bars of one tune's text, header and all; None without a metre, or for notation that cannot be read.

    Lengths follow M: and L: (by default 1/16 if the metre is below 3/4, else 1/8), also where they change inside;
    chords count once, tuplets and broken rhythm (< >) as they are played, grace notes, ties and slurs not at all. Bars
    in which nothing stands are left out.
    """
    counted = _Count()
    for line in tune.split("\n"):
        field = _FIELD.match(line)
        if field and not line.startswith("|"):
            counted.field(field[1], field[2])
            continue
        for piece in pieces(line.split("%", 1)[0]):
            counted.piece(piece)
    return counted.end()


def complete(tune: str) -> bool:
    """Whether all bars of a tune are complete, as musicians count them.

    Inside a section every bar lasts exactly what the metre asks for, and no bar ever lasts longer. The first bar of a
    section may be shorter (a pick-up), and so may its last one (the pick-up that follows, or that the repeat goes back
    to, makes up for it); a short last bar and a short first bar on the two sides of one border make a whole bar
    together. A tune without a metre, without a bar, or with notation that cannot be read is not complete.
    """
    found = bars(tune)
    if not found or not all(fits(bar) for bar in found):
        return False
    return all(
        before.length + after.length == before.full
        for before, after in pairwise(found)
        if before.closes and after.opens and max(before.length, after.length) < before.full
    )


def fits(bar: Bar) -> bool:
    """Whether a bar is full, or short where it may be."""
    return bar.length == bar.full or (bar.length < bar.full and (bar.opens or bar.closes))


class _Count:
    """Bars as they go by."""

    def __init__(self) -> None:
        self.found: list[Bar] = []
        self.metre: Fraction | None = None
        self.compound = False
        self.unit: Fraction | None = None
        self.readable = True
        self.length = Fraction(0)
        self.opens = True
        self.tuplet, self.left = Fraction(1), 0
        self.longer = Fraction(1)  # of the next note, after a broken rhythm
        self.last = Fraction(0)  # of the last note, which a broken rhythm changes

    def field(self, name: str, value: str) -> None:
        if name == "M":
            self._bar_line(closes=False)
            self.metre = metre(value)
            self.compound = value.strip() in ("6/8", "9/8", "12/8")
        elif name == "L":
            self.unit = metre(value)
            self.readable &= self.unit is not None

    def piece(self, piece: Piece) -> None:
        match piece.kind:
            case "note" | "rest" | "chord":
                self._note(piece)
            case "bar":
                self._bar_line(closes=len(piece.text) > 1 and piece.text != "[|]")
            case "ending":
                self._close_last()
                self.opens = True
            case "tuplet":
                self._tuplet(piece.text)
            case "broken" if len(piece.text) > LONGEST_NUMBER:
                self.readable = False
            case "broken":
                share = Fraction(1, 2 ** len(piece.text))
                first, second = (2 - share, share) if piece.text[0] == ">" else (share, 2 - share)
                self.length += self.last * (first - 1)
                self.longer = second
            case "field":
                self.field(piece.text[0], piece.text[2:])
            case "other":
                self.readable &= piece.text in PASSED_OVER

    def end(self) -> list[Bar] | None:
        self._bar_line(closes=True)
        return self.found if self.metre is not None and self.readable else None

    def _note(self, piece: Piece) -> None:
        unit = self.unit
        if unit is None:
            unit = Fraction(1, 16) if self.metre is not None and self.metre < Fraction(3, 4) else Fraction(1, 8)
        length = piece.length * unit
        if piece.text in "ZX":
            length = piece.length * (self.metre or 0)
        if self.left:
            length *= self.tuplet
            self.left -= 1
        length *= self.longer
        self.readable &= length > 0
        self.longer, self.last = Fraction(1), length
        self.length += length

    def _tuplet(self, text: str) -> None:
        numbers = text.split(":")
        if max(map(len, numbers)) > LONGEST_NUMBER:
            self.readable = False
            return
        p, q, r = ([int(n) if n else None for n in numbers] + [None, None])[:3]
        assert p is not None
        q = q or _TUPLETS.get(p) or (3 if self.compound else 2)
        self.tuplet, self.left = Fraction(q, p), r or p

    def _bar_line(self, *, closes: bool) -> None:
        """closes: it ends a section, and another one begins."""
        if self.length:
            self.found.append(Bar(self.length, self.metre or Fraction(0), self.opens, closes))
            self.opens = False
        elif closes:
            self._close_last()
        self.opens |= closes
        self.length = Fraction(0)

    def _close_last(self) -> None:
        if self.found and not self.length:
            last = self.found[-1]
            self.found[-1] = Bar(last.length, last.full, last.opens, True)


def metre(value: str) -> Fraction | None:
    """ "6/8", "C" and "C|" as parts of a whole note; None for "none" and for anything but a metre."""
    value = value.split("%", 1)[0].strip()
    if value in ("C", "C|"):
        return Fraction(1)
    found = re.fullmatch(r"(\d+(?:\+\d+)*)/(\d+)", value)
    if found is None:
        return None
    beats = found[1].split("+")
    if len(beats) > _MOST_GROUPS or max(map(len, (*beats, found[2]))) > LONGEST_NUMBER or not int(found[2]):
        return None
    return Fraction(sum(map(int, beats)), int(found[2])) or None
