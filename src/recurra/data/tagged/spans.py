"""Spans written as a tag for each token: BIO, IOB1, BMES, BIOES and BILOU.

A tag is O (outside of every span) or a letter and a type: B-LOC begins a place, I-LOC goes on with it. BMES writes the
last token of a span as E (BILOU: L) and a span of one token as S (BILOU: U); in IOB1 a span begins with B only where it
touches another of its type, else with I.
Source: Ramshaw & Marcus 1995 (IOB1); Tjong Kim Sang & Veenstra 1999 (BIO, there IOB2)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recurra.errors import ShapeError, UnknownNameError

OUTSIDE = "O"
_TAG = re.compile(r"([BIMESLU])(?:-(.+))?", re.DOTALL)
_ALONE = frozenset("SU")
_LAST = frozenset("ELSU")
_GOES_ON = frozenset("IMEL")


class Span(NamedTuple):
    """Tokens start to end - 1, and what they are."""

    start: int
    end: int
    type: str


@dataclass(frozen=True)
class Scheme:
    """The letters of a span's tokens. In BIO the last token looks like any inside, a span of one like a beginning."""

    name: str
    begin: str
    inside: str
    end: str
    single: str

    @property
    def letters(self) -> frozenset[str]:
        """All of them."""
        return frozenset((self.begin, self.inside, self.end, self.single))

    def follows(self, before: str, tag: str) -> bool:
        """Whether `tag` may stand after `before`. A sentence begins as after O, and ends as before O."""
        (old, old_type), (letter, kind) = parse(before), parse(tag)
        if letter in (self.inside, self.end):
            return old in (self.begin, self.inside) and old_type == kind
        return old in (OUTSIDE, self.end, self.single)

    def encode(self, spans: Iterable[Span], length: int) -> list[str]:
        """The tags of a sentence of `length` tokens with these spans."""
        tags = [OUTSIDE] * length
        for start, end, kind in spans:
            last = end - start - 1
            for place in range(last + 1):
                letter = self.single if not last else self.begin
                if place:
                    letter = self.end if place == last else self.inside
                tags[start + place] = f"{letter}-{kind}" if kind else letter
        return tags

    def repair(self, tags: Sequence[str]) -> list[str]:
        """The tags of the spans that `spans` reads in them; valid tags stay as they are."""
        return self.encode(spans(tags), len(tags))

    def first_invalid(self, tags: Sequence[str]) -> int | None:
        """The place of the first tag that cannot stand where it does; None if all can."""
        before = OUTSIDE
        for place, tag in enumerate([*tags, OUTSIDE]):
            if not self.follows(before, tag):
                return min(place, len(tags) - 1)
            before = tag
        return None


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("bio", "B", "I", "I", "B"),
        Scheme("bmes", "B", "M", "E", "S"),
        Scheme("bioes", "B", "I", "E", "S"),
        Scheme("bilou", "B", "I", "L", "U"),
    )
}
"""IOB1 is not among them: it is read and becomes BIO."""


def scheme(name: str) -> Scheme:
    """The scheme of that name, of iob1 what it becomes. Errors: UnknownNameError"""
    if name not in (*SCHEMES, "iob1"):
        raise UnknownNameError("scheme", name, (*SCHEMES, "iob1"))
    return SCHEMES["bio" if name == "iob1" else name]


def parse(tag: str) -> tuple[str, str]:
    """The letter and the type of a tag: ("B", "LOC") of B-LOC, ("B", "") of B, ("O", "") of any that is no such tag."""
    found = _TAG.fullmatch(tag)
    return (found[1], found[2] or "") if found else (OUTSIDE, "")


def recognise(sentences: Iterable[Sequence[str]]) -> str | None:
    """The name of the scheme that the tags of all sentences are written in, "iob1" among them; None if in none.

    Tags without a type (B, M, E, S: words in a row of characters) are a scheme if there are both beginnings and
    continuations.
    """
    rows = list(sentences)
    used = {tag for tags in rows for tag in tags}
    inside = used - {OUTSIDE}
    if not inside or not all(_TAG.fullmatch(tag) for tag in inside):
        return None
    letters = {parse(tag)[0] for tag in inside}
    typed = {bool(parse(tag)[1]) for tag in inside}
    if typed != {True} and (len(typed) == 2 or "B" not in letters or not letters & _GOES_ON):
        return None
    found = next((name for name in SCHEMES if letters <= SCHEMES[name].letters), None)
    return "iob1" if found == "bio" and _is_iob1(rows) else found


def _is_iob1(rows: Iterable[Sequence[str]]) -> bool:
    """Whether spans begin with I, and with B only right after one of their type."""
    begun_inside = False
    for tags in rows:
        before = (OUTSIDE, "")
        for tag in tags:
            letter, kind = parse(tag)
            touches = before[0] != OUTSIDE and before[1] == kind
            if letter == "B" and not touches:
                return False
            begun_inside |= letter == "I" and not touches
            before = (letter, kind)
    return begun_inside


def spans(tags: Sequence[str]) -> list[Span]:
    """The spans of a sentence, read as the CoNLL evaluation reads them: in whatever scheme, valid or not.

    A span goes on while tags of its type say so, and ends before anything else; a tag that goes on with nothing begins
    a span.
    Source: Tjong Kim Sang & Buchholz 2000, the rules of the shared task's evaluation
    """
    found: list[Span] = []
    start, kind = -1, ""
    for place, tag in enumerate([*tags, OUTSIDE]):
        letter, type_ = parse(tag)
        if start >= 0 and not (letter in _GOES_ON and type_ == kind):
            found.append(Span(start, place, kind))
            start = -1
        if letter == OUTSIDE:
            continue
        if start < 0:
            start, kind = place, type_
        if letter in _LAST:
            found.append(Span(start, place + 1, kind))
            start = -1
    return found


@dataclass(frozen=True)
class SpanRow:
    """One type of spans: fractions, how many there truly are, how many were predicted."""

    type: str
    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


@dataclass(frozen=True)
class SpanScores:
    """Fractions over the spans of all types together (micro), and each type by itself, in the order of their names."""

    precision: float
    recall: float
    f1: float
    rows: list[SpanRow]


def score(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> SpanScores:
    """How many spans were found: a span counts as found if its start, its end and its type are right.

    true, predicted: the tags of the same sentences. 0 / 0 is 0.
    Errors: ShapeError if they are not as many sentences of the same lengths
    """
    if len(true) != len(predicted):
        raise ShapeError(f"expected as many predicted as true sentences, {len(true)}, got {len(predicted)}")
    there, guessed, right = Counter[str](), Counter[str](), Counter[str]()
    for number, (tags, guess) in enumerate(zip(true, predicted, strict=True)):
        if len(tags) != len(guess):
            raise ShapeError(f"sentence {number + 1} has {len(tags)} tags, {len(guess)} were predicted")
        truth, found = set(spans(tags)), set(spans(guess))
        there.update(span.type for span in truth)
        guessed.update(span.type for span in found)
        right.update(span.type for span in truth & found)
    rows = [
        SpanRow(kind, *_fractions(right[kind], guessed[kind], there[kind]), there[kind], guessed[kind])
        for kind in sorted(there.keys() | guessed.keys())
    ]
    return SpanScores(*_fractions(right.total(), guessed.total(), there.total()), rows)


def _fractions(right: int, guessed: int, there: int) -> tuple[float, float, float]:
    """Precision, recall, F1."""
    return (
        right / guessed if guessed else 0.0,
        right / there if there else 0.0,
        2 * right / (guessed + there) if guessed + there else 0.0,
    )
