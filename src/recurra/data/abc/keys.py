"""Tunes in other keys: the same melody, every step and every sharpened or flattened note kept."""

from __future__ import annotations

import re
from dataclasses import dataclass

from recurra.data.abc.music import chord_notes, pieces, written_length

LETTERS = "CDEFGAB"
_FIFTHS = "FCGDAEB"
"""Letters in the order in which sharps come, flats the other way round."""
_MODES = {
    "": 0,
    "maj": 0,
    "m": -3,
    "min": -3,
    "mix": -1,
    "dor": -2,
    "phr": -4,
    "lyd": 1,
    "loc": -5,
    "ion": 0,
    "aeo": -3,
}
_KEY = re.compile(r"([A-G])([#b]?) *(maj|min|mix|dor|phr|lyd|loc|ion|aeo|m|)[a-z]*", re.IGNORECASE | re.ASCII)
_NOTE = re.compile(r"(\^{1,2}|_{1,2}|=)?([A-Ga-g])([,']*)")
_ROOT = re.compile(r"(?:(?<=^)|(?<=/))([A-Ga-g])([#b]?)")
_ACCIDENTALS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2, None: None}
_WRITTEN = {2: "^^", 1: "^", 0: "=", -1: "_", -2: "__"}
WIDEST = range(-3, 5)
"""Keys that tunes are moved to, by their sharps (below 0: flats)."""


@dataclass(frozen=True)
class Key:
    """A key. sharps: of its signature, below 0 flats; tonic: place of its letter in LETTERS; mode: as written."""

    sharps: int
    tonic: int
    mode: str

    @classmethod
    def read(cls, written: str) -> Key | None:
        """The key of a field K:, None for anything else ("none", "HP", explicit accidentals)."""
        found = _KEY.fullmatch(written.strip())
        if found is None:
            return None
        letter, sign = found[1].upper(), {"#": 1, "b": -1, "": 0}[found[2].lower()]
        mode = "m" if found[3] == "m" else found[3].lower()
        sharps = _FIFTHS.index(letter) - 1 + 7 * sign + _MODES[mode]
        return cls(sharps, LETTERS.index(letter), found[3])

    def write(self) -> str:
        place = self.sharps - _MODES[self.mode.lower()] + 1
        sign = place // 7
        return f"{LETTERS[self.tonic]}{'#' * max(sign, 0)}{'b' * max(-sign, 0)}{self.mode}"

    def sign(self, letter: int) -> int:
        """What the signature does to a letter: 1 sharp, 0 nothing, -1 flat, further beyond seven of them."""
        return (self.sharps + 6 - _FIFTHS.index(LETTERS[letter])) // 7

    def moved(self, fifths: int) -> Key:
        """The key transposed up by a number of fifths, down if negative."""
        return Key(self.sharps + fifths, (self.tonic + 4 * fifths) % 7, self.mode)


def transposed(tune: str, fifths: int) -> str | None:
    """A tune as `abc.written` gives it, in the key that has `fifths` more sharps, by the shortest way up or down.

    None where there is no such writing: a key that cannot be read, one outside of WIDEST, or a note that would need a
    triple sharp or flat.
    """
    head = re.search(r"^K:(.*)$", tune, re.MULTILINE)
    old = Key.read(head[1]) if head else None
    if old is None:
        return None
    steps = (4 * fifths + 3) % 7 - 3
    lines = []
    try:
        for line in tune.split("\n"):
            if line.startswith("K:"):
                found = Key.read(line[2:])
                if found is None or found.moved(fifths).sharps not in WIDEST:
                    return None
                old = found
                lines.append(f"K:{old.moved(fifths).write()}")
            elif re.match(r"[A-Za-z]:", line):
                lines.append(line)
            else:
                lines.append(_line(line, old, old.moved(fifths), steps))
    except _NotWritableError:
        return None
    return "\n".join(lines)


class _NotWritableError(Exception):
    """A note would need a triple sharp or flat."""


def _line(line: str, old: Key, new: Key, steps: int) -> str:
    parts = []
    for piece in pieces(line):
        match piece.kind:
            case "note":
                parts.append(_note(piece.text, old, new, steps) + written_length(piece.length))
            case "chord":
                notes = "".join(_note(text, old, new, steps) for text in chord_notes(piece.text))
                parts.append(f"[{notes}]{written_length(piece.length)}")
            case "symbol":
                parts.append(_symbol(piece.text, old, new, steps))
            case "rest":
                parts.append(piece.text + written_length(piece.length))
            case "tuplet":
                parts.append(f"({piece.text}")
            case "field":
                raise _NotWritableError
            case _:
                parts.append(piece.text)
    return "".join(parts)


def _note(text: str, old: Key, new: Key, steps: int) -> str:
    found = _NOTE.fullmatch(text)
    assert found is not None
    accidental, letter, marks = _ACCIDENTALS[found[1]], found[2], found[3]
    place = LETTERS.index(letter.upper())
    octave = int(letter.islower()) + marks.count("'") - marks.count(",")
    further, there = divmod(place + steps, 7)
    octave += further
    sign = ""
    if accidental is not None:
        sign = _sign(accidental - old.sign(place) + new.sign(there))
    name = LETTERS[there]
    return sign + (name.lower() + "'" * (octave - 1) if octave > 0 else name + "," * -octave)


def _symbol(text: str, old: Key, new: Key, steps: int) -> str:
    def moved(found: re.Match[str]) -> str:
        place = LETTERS.index(found[1].upper())
        there = (place + steps) % 7
        alteration = {"#": 1, "b": -1, "": 0}[found[2]] - old.sign(place) + new.sign(there)
        name = LETTERS[there] if found[1].isupper() else LETTERS[there].lower()
        if abs(alteration) > 1:
            raise _NotWritableError
        return name + {1: "#", 0: "", -1: "b"}[alteration]

    return f'"{_ROOT.sub(moved, text.strip(chr(34)))}"'


def _sign(alteration: int) -> str:
    if alteration not in _WRITTEN:
        raise _NotWritableError
    return _WRITTEN[alteration]
