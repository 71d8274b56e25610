"""Tunes in ABC notation: read from files, and written the one way that is learned.

Source: the ABC standard 2.1, abcnotation.com/wiki/abc:standard:v2.1
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from recurra.data.abc.bars import metre
from recurra.data.abc.music import LONGEST_NUMBER, PASSED_OVER, Piece, pieces, written_length
from recurra.data.files.text import iter_lines
from recurra.errors import DataError, quoted

UNIT = Fraction(1, 8)
"""The unit note of every tune that is learned."""
_FIELD = re.compile(r"([A-Za-z+]):\s*(.*)")
_SYMBOL = re.compile(r"[A-G][#b]?[A-Za-z0-9+#]*(?:/[A-Ga-g][#b]?)?")


@dataclass(frozen=True)
class Tune:
    """A tune as written in a file.

    fields: the first value of each header field by its letter, "M" and "K" the last one before the music; body: the
    lines from K: on, comments left out, with their numbers from 1; file, line: where X: stands
    """

    fields: dict[str, str]
    body: list[tuple[int, str]]
    file: Path
    line: int

    @property
    def title(self) -> str:
        return self.fields.get("T", "")


@dataclass
class _Draft:
    line: int
    fields: dict[str, str] = field(default_factory=dict)
    body: list[tuple[int, str]] = field(default_factory=list)
    in_header: bool = True


def read_tunes(path: Path, *, encoding: str = "utf-8", left_out: list[DataError] | None = None) -> list[Tune]:
    """The tunes of an .abc file: each begins with X:, its header ends with K:.

    left_out: takes what is wrong with single tunes, or with a file without any, which are left out then
    Errors: DataError for a file without a tune, a tune without K: or without a note, an invalid metre or unit note,
    each with its line; or as `iter_lines`
    """
    drafts: list[_Draft] = []
    ended = True
    for number, raw in enumerate(iter_lines(path, encoding), start=1):
        line = raw.split("%", 1)[0].strip()
        found = _FIELD.fullmatch(line)
        if found and found[1] == "X":
            drafts.append(_Draft(number))
            ended = False
        elif not raw.strip():
            ended = bool(drafts and drafts[-1].body) or ended  # a blank line inside a header is forgiven
        elif drafts and line and not ended:
            _take(drafts[-1], number, line, found)
    tunes: list[Tune] = []
    if not drafts:
        none = DataError("no tune starts here: there is no line X:", remedy="give a file in ABC notation", file=path)
        if left_out is None:
            raise none
        left_out.append(none)
    for draft in drafts:
        try:
            tunes.append(_checked(draft, path))
        except DataError as error:
            if left_out is None:
                raise
            left_out.append(error)
    return tunes


def _take(draft: _Draft, number: int, line: str, found: re.Match[str] | None) -> None:
    if draft.body:
        draft.body.append((number, line))
    elif found:
        draft.fields.setdefault(found[1], found[2])
        if found[1] == "K":
            draft.body.append((number, line))
    draft.in_header = draft.in_header and (found is not None or not draft.body)
    if found and found[1] in "MKL" and draft.in_header:
        draft.fields[found[1]] = found[2]  # fields that follow K: before any music still belong to the header


def _checked(draft: _Draft, path: Path) -> Tune:
    if not draft.body:
        raise DataError(
            "this tune has no line K:, which ends its header",
            remedy="add its key, for example K:C",
            file=path,
            line=draft.line,
        )
    for name in "ML":
        value = draft.fields.get(name, "4/4")
        if metre(value) is None and value != "none":
            raise DataError(
                f"{name}:{quoted(value)[1:-1]} is no {_NAMES[name]}",
                remedy=f"as in {name}:{_EXAMPLES[name]}",
                file=path,
                line=draft.line,
            )
    tune = Tune(draft.fields, draft.body, path, draft.line)
    if not any(piece.kind in ("note", "chord") for _, piece in _music(tune)):
        raise DataError("this tune has no notes", remedy="remove it or fill it", file=path, line=draft.line)
    return tune


_NAMES = {"M": "metre", "L": "unit note"}
_EXAMPLES = {"M": "6/8", "L": "1/8"}


def _music(tune: Tune) -> Iterator[tuple[int, Piece]]:
    """The pieces of the body, fields among them, each with its line; a "P" field stands for the begin of a part."""
    for number, line in tune.body:
        found = _FIELD.fullmatch(line)
        if found and not line.startswith("|"):
            yield number, Piece("field", f"{found[1]}:{found[2]}")
            continue
        for piece in pieces(line):
            yield number, piece
        yield number, Piece("space", " ")


def written(tune: Tune) -> str:
    """A tune as it is learned: M:, L:1/8 and K:, then the music, a line for each section.

    The lengths of notes are those of L:1/8 whatever L: was; chord symbols, ties, tuplets, broken rhythm, repeats and
    endings stay, as do changes of metre and key inside; titles, sources, words, ornaments, grace notes, slurs, part
    names and the breaks between lines go.
    Errors: DataError with its line for notation that cannot be read, or a tune of several voices
    """
    fields = tune.fields
    time = metre(fields.get("M", "4/4"))
    unit = metre(fields["L"]) if "L" in fields else None
    writer = _Writer(unit or (Fraction(1, 16) if time is not None and time < Fraction(3, 4) else UNIT))
    header, voices = True, set[str]()
    for number, piece in _music(tune):
        header = header and piece.kind in ("field", "space")
        if piece.kind == "other" and piece.text not in PASSED_OVER:
            raise DataError(
                f"{quoted(piece.text)} cannot be read as music", remedy="remove it", file=tune.file, line=number
            )
        if piece.kind in ("note", "rest", "chord") and not piece.length:
            raise DataError(
                f"the length of {quoted(piece.text)} cannot be read",
                remedy="mend or remove it",
                file=tune.file,
                line=number,
            )
        if piece.kind == "broken" and len(piece.text) > LONGEST_NUMBER:
            raise DataError(f"{quoted(piece.text)} is not a rhythm", remedy="remove it", file=tune.file, line=number)
        if piece.kind == "field" and piece.text[0] == "V":
            voices.add((piece.text[2:].split() or ["1"])[0])
        if piece.kind == "note" and not voices:
            voices.add("1")  # which is nowhere named
        if len(voices) > 1:
            raise DataError("a tune of several voices", remedy="keep one of them", file=tune.file, line=number)
        if not header or piece.text[0] == "P":
            writer.add(piece)
    return f"M:{fields.get('M', 'none')}\nL:1/8\nK:{fields['K']}\n{writer.end()}"


class _Writer:
    """Pieces of music to text. A bar line waits until the next piece: several in a row become one."""

    def __init__(self, unit: Fraction) -> None:
        self.factor = unit / UNIT
        self.parts: list[str] = []
        self.last = ""  # the last character that was written
        self.space = False
        self.waits: set[str] = set()  # of a bar line: "|", "||", ":|", "|:"

    def add(self, piece: Piece) -> None:
        match piece.kind:
            case "note" | "rest" | "chord":
                length = piece.length if piece.text in "ZX" else piece.length * self.factor
                self._put(piece.text + written_length(length))
            case "bar":
                self.waits |= _signs(piece.text)
            case "ending":
                self.waits.add("|")
                self._bar_line(ending=piece.text.rstrip(".,-"))
            case "symbol":
                text = re.sub(r"(/[A-Ga-g])\+$", r"\1#", piece.text.strip('"').strip("()").strip())
                if _SYMBOL.fullmatch(text):
                    self._put(f'"{text}"')
            case "tuplet":
                self._put(f"({piece.text}")
            case "broken" | "tie":
                self.space = False
                self._put(piece.text)
            case "space":
                self.space = True
            case "field":
                self._field(piece.text[0], piece.text[2:].strip())

    def end(self) -> str:
        self.waits.discard("|:")
        self._bar_line()
        return "".join(self.parts).strip("\n")

    def _write(self, text: str) -> None:
        self.parts.append(text)
        self.last = text[-1]

    def _put(self, text: str) -> None:
        if self.waits:
            self._bar_line()
        if self.space and self.last and self.last not in '\n|: "':
            self._write(" ")
        self._write(text)
        self.space = False

    def _bar_line(self, ending: str = "") -> None:
        """Write the line that waits: what closes a section ends a line of text."""
        waits, self.waits, self.space = self.waits, set(), False
        if self.last and self.last != "\n" and waits:
            self._write(":|" if ":|" in waits else "||" if waits - {"|"} else "|")
            if waits - {"|"} and not ending:
                self._write("\n")
        elif ending:
            self._write("|")
        if ending:
            self._write(f"{ending} ")
        if "|:" in waits:
            self._write("|:")

    def _field(self, name: str, value: str) -> None:
        if name == "L":
            self.factor = (metre(value) or self.factor * UNIT) / UNIT
        elif name in "PMK" and self.last:
            self.waits.add("||")
            if name in "MK":
                opens = self.waits & {"|:"}
                self.waits -= opens
                self._bar_line()
                self._write(f"{name}:{value}\n")
                self.waits = opens


def _signs(bar: str) -> set[str]:
    """What a bar line does: ":|" closes a repeat, "|:" opens one, "||" ends a section."""
    signs = {"|"}
    if bar.startswith(":"):
        signs.add(":|")
    if bar.endswith(":") and bar != ":":
        signs.add("|:")
    if bar.count("|") > 1 or bar in ("|]", "[|"):
        signs.add("||")
    return signs
