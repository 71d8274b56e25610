"""The tag that keeps tags from being spans, where nearly all of them are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from recurra.data.tagged.sentences import Sentence
from recurra.data.tagged.spans import OUTSIDE, SCHEMES, parse, recognise

_TYPED = re.compile(r"[BIMESLUbimeslu][-_.:/|].+", re.DOTALL)
"""How a tag of a span looks, right or nearly so: b-per, B_PER."""
_BEGIN = re.compile(r"[BIbi][-_.:/|].+", re.DOTALL)
_BARE = re.compile(r"[BIMESLU]")
_OUTSIDE = frozenset((OUTSIDE, "o", "0"))
FEWEST = 0.5
"""Share of the tokens with tags of spans, or outside of all, from which tags are meant to be spans."""


@dataclass(frozen=True)
class OddTag:
    """A tag that fits no scheme: where it stands first, the scheme that most others fit, how many tokens do not."""

    tag: str
    place: str
    scheme: str
    odd: int
    tokens: int

    def __str__(self) -> str:
        return (
            f"{self.tag!r} at {self.place} is not a tag of {self.scheme.upper()}, as {self.tokens - self.odd:,} of "
            f"{self.tokens:,} tags are"
        )


def odd_tag(sentences: Iterable[Sentence]) -> OddTag | None:
    """The first tag that fits no scheme of spans; None if all fit one, or if tags are not meant to be spans."""
    rows = list(sentences)
    counts = Counter(tag for sentence in rows for tag in sentence.tags)
    if recognise(sentence.tags for sentence in rows) is not None:
        return None
    typed = _meant(counts, lambda tag: _TYPED.fullmatch(tag) is not None)
    if typed and any(_BEGIN.fullmatch(tag) for tag in counts):
        scheme = _nearest(counts, typed=True)
    elif not typed and "B" in counts and _meant(counts, lambda tag: _BARE.fullmatch(tag) is not None):
        scheme = _nearest(counts, typed=False)
    else:
        return None
    odd = {tag for tag in counts if tag != OUTSIDE and not _fits(tag, scheme, typed=typed)}
    found = ((tag, s, line) for s in rows for tag, line in zip(s.tags, s.lines, strict=True) if tag in odd)
    first = next(found, None)
    if first is None:
        return None
    tag, sentence, line = first
    return OddTag(tag, f"{sentence.file.name}:{line}", scheme, sum(counts[tag] for tag in odd), counts.total())


def _meant(counts: Counter[str], looks: Callable[[str], bool]) -> bool:
    """Whether tags that look like those of spans, and those outside of all, are most."""
    inside = sum(count for tag, count in counts.items() if looks(tag))
    outside = sum(counts[tag] for tag in _OUTSIDE)
    return inside > 0 and inside + outside >= FEWEST * counts.total()


def _nearest(counts: Counter[str], *, typed: bool) -> str:
    """The scheme that most tokens fit."""

    def fitting(name: str) -> int:
        return sum(count for tag, count in counts.items() if _fits(tag, name, typed=typed))

    return max(SCHEMES, key=fitting)


def _fits(tag: str, scheme: str, *, typed: bool) -> bool:
    letter, kind = parse(tag)
    return letter in SCHEMES[scheme].letters and bool(kind) == typed
