"""Tagged sentences from a source: its parts, valid in their scheme, and what had to be done for that."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from recurra.data.files.examples import Example, Examples
from recurra.data.splits import PARTS, hold_out, many, split
from recurra.data.tagged import spans
from recurra.data.tagged.odd_tags import odd_tag
from recurra.data.tagged.sentences import Reading, Sentence, Tagged, read_tagged
from recurra.data.tokens.normalize import check_names, normalize
from recurra.errors import DataError, UsageError
from recurra.tasks.sources.source import Source, in_memory
from recurra.tasks.sources.tagged_pairs import TAGS
from recurra.tasks.tag.settings import TagDataSettings

MOST_KEPT = 1 << 18
"""Different tokens whose normal form is remembered."""


def read(
    source: Source, settings: TagDataSettings, seed: int
) -> tuple[dict[str, Tagged], tuple[str, ...], list[str], dict[str, Any]]:
    """The three parts, which of them were made here, what to say about them, and what was counted.

    Errors: DataError, UsageError
    """
    found = read_parts(source, settings)
    notes = []
    multiword, empty = (sum(getattr(p, n) for p in found.values()) for n in ("multiword", "empty_nodes"))
    if multiword or empty:
        notes.append(
            f"passed over: {many(multiword, 'multiword token')}, whose words are read, and {many(empty, 'empty node')}"
        )
    notes += _passed_over(list(found.values()), strict=settings.strict)
    if left := [place for part in found.values() for place in part.left_out]:
        shown = ", ".join(left[:5]) + (", ..." if len(left) > 5 else "")
        notes.append(f"left out: {many(len(left), 'defective line')}, {shown}")
    divided: tuple[str, ...] = ()
    if found.keys() == {"all"}:
        parts, divided = _divided(found["all"], settings, settings.split, seed), PARTS
    else:
        parts = {name: found.get(name, Tagged()) for name in PARTS}
        if not len(parts["validation"]):
            held = hold_out(settings.split)
            parts = _divided(parts["train"], settings, held.fractions, seed) | {"test": parts["test"]}
            divided = ("train", "validation")
            notes.append(held.note)
    return parts, divided, notes, {"left_out": left}


def _passed_over(parts: list[Tagged], *, strict: bool) -> list[str]:
    """What was no token, or might be none. Errors: DataError for a header if `strict`"""
    comments, headers, doubtful = (
        [place for part in parts for place in getattr(part, kind)] for kind in ("comments", "header", "doubtful")
    )
    if headers and strict:
        raise DataError(f"the first line, {headers[0]}, names the columns", remedy="take it out, or leave out --strict")
    notes = []
    if comments:
        notes.append(f"passed over: {many(len(comments), 'comment')}, the first at {comments[0]}")
    if headers:
        notes.append(f"passed over: names of columns, at {', '.join(headers)}")
    if doubtful:
        shown = ", ".join(doubtful[:5]) + (", ..." if len(doubtful) > 5 else "")
        notes.append(f"read as tokens, though they begin with #: {many(len(doubtful), 'line')}, {shown}")
    return notes


def _divided(
    whole: Tagged, settings: TagDataSettings, shares: tuple[float, float, float], seed: int
) -> dict[str, Tagged]:
    """By distinct sentence as it is read, so that none stands in two parts."""
    keys = [" ".join(sentence.tokens) for sentence in whole]
    check_names(settings.normalize)
    one = functools.lru_cache(MOST_KEPT)(functools.partial(normalize, names=settings.normalize))
    forms = {key: form_of(s, settings, one) for key, s in zip(keys, whole, strict=True)}
    examples = Examples([Example(key, "", s.file, s.lines[0]) for key, s in zip(keys, whole, strict=True)])
    made = split(examples, shares, seed=seed, form=forms.__getitem__)
    part_of = {text: name for name, part in made for text in part.texts}
    parts = {name: Tagged() for name in PARTS}
    parts["train"].skipped = whole.skipped
    for key, sentence in zip(keys, whole, strict=True):
        parts[part_of[key]].items.append(sentence)
    return parts


def form_of(sentence: Sentence, settings: TagDataSettings, word: Callable[[str], str]) -> str:
    """What a tagger's words are of a sentence: normalised by `word`, and as many as are learned from."""
    return "\0".join(map(word, sentence.tokens[: settings.max_length]))


@in_memory
def read_parts(source: Source, settings: TagDataSettings) -> dict[str, Tagged]:
    """The sentences of a source by part, or all of them under "all". Errors: DataError, UsageError"""
    names = {path.name for path in source.files.values()}
    skip: dict[str, set[int]] = {}
    for place in settings.skip_lines:
        name, _, line = place.rpartition(":")
        if not name or not line.isdecimal() or len(line) > 15:
            raise UsageError(f"a line to leave out is written as FILE:LINE, got {place!r}")
        if name not in names:
            raise UsageError(f"skip_lines names {name!r}, but the data are {', '.join(sorted(names))}")
        if not settings.strict:
            skip.setdefault(name, set()).add(int(line))
    found = {}
    for part, path in source.files.items():
        if not part.endswith(TAGS):
            reading = Reading(settings.text, settings.label, settings.encoding, frozenset(skip.get(path.name, ())))
            found[part] = read_tagged(path, reading, tags=source.files.get(part + TAGS))
    return found


def spans_of(parts: Iterable[Tagged], asked: str) -> str | None:
    """The scheme that tags are written in: as asked, or recognised in all parts together."""
    if asked == "none":
        return None
    return asked if asked != "auto" else spans.recognise(s.tags for part in parts for s in part)


def why_no_spans(parts: Iterable[Tagged], settings: TagDataSettings) -> str:
    """The tag for which tags that look like spans are none; empty where there is no such.

    Errors: DataError with file and line for such a tag if `strict`
    """
    found = odd_tag(s for part in parts for s in part) if settings.scheme == "auto" else None
    if found is None:
        return ""
    if settings.strict:
        raise DataError(str(found), remedy="mend it, or say --scheme none if tags write no spans")
    return f"tags are learned one by one, without spans: {found}; mend it, or say --scheme none"


def in_scheme(part: Tagged, name: str, *, strict: bool, into: str | None = None) -> tuple[Tagged, int, str]:
    """The sentences with valid tags, IOB1 as BIO; how many tags were mended, and where the first invalid one stood.

    name: the scheme they are written in; into: another one to write them in
    Errors: DataError with file and line for an invalid tag if `strict`, and for a tag of no such scheme
    """
    scheme, target = spans.scheme(name), spans.scheme(into or name)
    items, mended, first = [], 0, ""
    for sentence in part:
        _check_letters(sentence, scheme)
        wrong = None if name == "iob1" else scheme.first_invalid(sentence.tags)
        tags = scheme.repair(sentence.tags)
        if wrong is not None:
            place = f"{sentence.file.name}:{sentence.lines[wrong]}"
            if strict:
                raise _invalid(sentence, wrong, scheme)
            mended += sum(a != b for a, b in zip(sentence.tags, tags, strict=True))
            first = first or place
        if target is not scheme:
            tags = target.repair(tags)
        items.append(replace(sentence, tags=tuple(tags)))
    return replace(part, items=items), mended, first


def _check_letters(sentence: Sentence, scheme: spans.Scheme) -> None:
    for tag, line in zip(sentence.tags, sentence.lines, strict=True):
        if tag != spans.OUTSIDE and spans.parse(tag)[0] not in scheme.letters:
            raise DataError(
                f"{tag!r} is not a tag of the scheme {scheme.name}",
                remedy="name the right one with --scheme, or none",
                file=sentence.file,
                line=line,
            )


def _invalid(sentence: Sentence, place: int, scheme: spans.Scheme) -> DataError:
    tag, before = sentence.tags[place], sentence.tags[place - 1] if place else None
    follows = "begins a sentence" if before is None else f"follows {before!r}"
    if scheme.follows(before or spans.OUTSIDE, tag):
        follows = "ends a sentence"
    return DataError(
        f"invalid {scheme.name.upper()} tags: {tag!r} {follows}",
        remedy="mend it, or leave out --strict to have it mended and counted",
        file=sentence.file,
        line=sentence.lines[place],
    )


def shortened(part: Tagged, longest: int) -> tuple[Tagged, int]:
    """The sentences without what comes after their first `longest` tokens, and how many lost something."""
    items = [
        replace(s, tokens=s.tokens[:longest], tags=s.tags[:longest], lines=s.lines[:longest]) if len(s) > longest else s
        for s in part
    ]
    return replace(part, items=items), sum(len(s) > longest for s in part)
