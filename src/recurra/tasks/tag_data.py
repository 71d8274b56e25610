"""Tagged sentences as a tagger takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data import spans
from recurra.data.examples import Example, Examples
from recurra.data.normalize import normalize as normalized
from recurra.data.splits import PARTS, check_fractions, split
from recurra.data.tagged import Reading, Sentence, Tagged, read_tagged
from recurra.data.vocabulary import Vocabulary
from recurra.errors import DataError, UsageError
from recurra.tasks.settings import DataSettings
from recurra.tasks.sources import Source, hashes
from recurra.tasks.tag_files import TAGS

Ids = npt.NDArray[np.int64]

UNKNOWN_TAG = -1
"""Of a tag that was not in training, which no prediction can equal."""


@dataclass(frozen=True)
class Lexicon:
    """What a tagger knows of tokens.

    words: normalised as set; characters: as they stand, None where they are not read; pairs: of a word and the one
    after it, None likewise
    """

    words: Vocabulary
    characters: Vocabulary | None = None
    pairs: Vocabulary | None = None

    def to_json(self) -> dict[str, Any]:
        """What vocabulary.json holds."""
        parts = {"words": self.words, "characters": self.characters, "pairs": self.pairs}
        return {name: None if part is None else part.to_json() for name, part in parts.items()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Lexicon:
        """What `to_json` gave. Errors: DataError"""
        parts = [content[name] for name in ("words", "characters", "pairs")]
        words, *others = [None if part is None else Vocabulary.from_json(part) for part in parts]
        if words is None:
            raise DataError("a tagger's vocabulary has words, this one none")
        return cls(words, *others)


@dataclass(frozen=True)
class TagPart:
    """Sentences of one part, encoded.

    forms: the distinct tokens, where pairs are read those of distinct pairs; words: int64 [F], the word of each form;
    letters: its characters' ids, empty arrays where they are not read; pairs: int64 [F], its pair, or None; encoded:
    for each sentence the places of its tokens among the forms, int64 [T]; labels: the places of its tags among the
    tagger's, int64 [T]
    """

    sentences: list[Sentence]
    forms: list[str]
    words: Ids
    letters: list[Ids]
    pairs: Ids | None
    encoded: list[Ids]
    labels: list[Ids]

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def tokens(self) -> int:
        """Tokens of all sentences together."""
        return sum(map(len, self.encoded))


@dataclass(frozen=True)
class TagData:
    """Everything a tagger learns from and is judged on. tags: their names; scheme: of spans, or None."""

    tags: list[str]
    scheme: str | None
    lexicon: Lexicon
    parts: dict[str, TagPart]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def prepare(
    source: Source, settings: DataSettings, *, characters: bool | None = None, pairs: bool | None = None, seed: int = 0
) -> TagData:
    """Read, divide and encode.

    characters, pairs: whether the tagger reads the characters of its words, and pairs of neighbours; None for the
    characters of words and the pairs of single characters.

    Errors: DataError with file and line, UsageError
    """
    if settings.level not in (None, "char", "word"):
        raise UsageError(f"tokens of tagged data are words or single characters; level {settings.level!r} is neither")
    parts, notes, facts = _read(source, settings, seed)
    if not len(parts["validation"]):
        raise DataError("the validation part is empty", remedy="give it a share, as in --split 80/10/10")
    scheme = spans_of(parts.values(), settings.scheme)
    if scheme is not None:
        for name, part in parts.items():
            parts[name], mended, first = in_scheme(part, scheme, strict=settings.strict)
            if mended:
                notes.append(f"{mended:,} invalid {scheme.upper()} tags were mended in {name}, the first at {first}")
    if settings.max_length is not None:
        parts["train"], cut = shortened(parts["train"], settings.max_length)
        if cut:
            notes.append(f"{cut:,} sentences of the training part were cut after {settings.max_length} tokens")
    tags = parts["train"].tags()
    if len(tags) < 2:
        raise DataError(f"all tokens have the same tag, {tags[0]!r}", file=parts["train"].items[0].file)
    single = all(len(token) == 1 for sentence in parts["train"] for token in sentence.tokens)
    level = settings.level or ("char" if single else "word")
    lexicon = build_lexicon(
        parts["train"],
        settings,
        characters=not single if characters is None else characters,
        pairs=single if pairs is None else pairs,
    )
    encoded = {name: encode_part(part.items, lexicon, tags) for name, part in parts.items()}
    judged = encoded["test"] if len(encoded["test"]) else encoded["validation"]
    notes += _told(source, parts, tags, scheme, level, settings)
    words = np.concatenate([judged.words[ids] for ids in judged.encoded])
    facts |= {
        "name": source.name,
        "files": hashes(source.files),
        "counts": {name: len(part) for name, part in encoded.items()},
        "tokens": {name: part.tokens for name, part in encoded.items()},
        "unit": "sentences",
        "skipped": sum(part.skipped for part in parts.values()),
        "vocabulary_size": len(lexicon.words),
        "vocabulary_level": level,
        "unknown_rate": float((words == 0).mean()),
    }
    return TagData(tags, spans.scheme(scheme).name if scheme else None, lexicon, encoded, facts, notes)


def read_parts(source: Source, settings: DataSettings) -> dict[str, Tagged]:
    """The sentences of a source by part, or all of them under "all". Errors: DataError, UsageError"""
    names = {path.name for path in source.files.values()}
    skip: dict[str, set[int]] = {}
    for place in settings.skip_lines:
        name, _, line = place.rpartition(":")
        if not name or not line.isdecimal():
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
                f"{tag!r} is no tag of the scheme {scheme.name}", remedy="name the right one with --scheme, or none",
                file=sentence.file, line=line,
            )  # fmt: skip


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


def build_lexicon(train: Tagged, settings: DataSettings, *, characters: bool, pairs: bool) -> Lexicon:
    """What stands in the training part; a pair is known that occurs twice."""
    forms = Counter(token for sentence in train for token in sentence.tokens)
    words: Counter[str] = Counter()
    letters: Counter[str] = Counter()
    for form, count in forms.items():
        words[normalized(form, settings.normalize)] += count
        for letter in form:
            letters[letter] += count
    neighbours = Counter(pair for sentence in train for pair in _pairs(sentence.tokens, settings.normalize))
    return Lexicon(
        Vocabulary.from_counts(
            words, level="word", normalize=settings.normalize, min_count=settings.min_count,
            max_size=settings.max_vocabulary, split="space",
        ),
        Vocabulary.from_counts(letters, level="char") if characters else None,
        Vocabulary.from_counts(neighbours, level="word", min_count=2, split="space") if pairs else None,
    )  # fmt: skip


def _pairs(tokens: Sequence[str], normalize: Sequence[str]) -> list[str]:
    """Each token, normalised, with the one after it, and a space between them."""
    words = [normalized(token, normalize) for token in tokens]
    return [f"{word} {after}" for word, after in zip(words, [*words[1:], ""], strict=True)]


def encode_part(sentences: Sequence[Sentence], lexicon: Lexicon, tags: Sequence[str]) -> TagPart:
    """Sentences as ids; a tag that is not among the tagger's becomes UNKNOWN_TAG."""
    places: dict[tuple[str, str], int] = {}
    tag_ids = {tag: i for i, tag in enumerate(tags)}
    encoded = []
    for sentence in sentences:
        pairs = _pairs(sentence.tokens, lexicon.words.normalize) if lexicon.pairs is not None else [""] * len(sentence)
        forms = zip(sentence.tokens, pairs, strict=True)
        encoded.append(np.array([places.setdefault(form, len(places)) for form in forms], dtype=np.int64))
    labels = [np.array([tag_ids.get(tag, UNKNOWN_TAG) for tag in s.tags], dtype=np.int64) for s in sentences]
    tokens = [token for token, _ in places]
    letters = [np.zeros(0, np.int64)] * len(tokens)
    if lexicon.characters is not None:
        letters = [lexicon.characters.encode(token) for token in tokens]
    neighbours = None if lexicon.pairs is None else lexicon.pairs.encode_tokens(pair for _, pair in places)
    words = lexicon.words.encode_tokens(tokens)
    return TagPart(list(sentences), tokens, words, letters, neighbours, encoded, labels)


def _read(source: Source, settings: DataSettings, seed: int) -> tuple[dict[str, Tagged], list[str], dict[str, Any]]:
    """The three parts, what to say about them, and what was counted."""
    found = read_parts(source, settings)
    notes = []
    multiword, empty = (sum(getattr(p, n) for p in found.values()) for n in ("multiword", "empty_nodes"))
    if multiword or empty:
        notes.append(f"{multiword:,} multiword tokens and {empty:,} empty nodes were passed over, their words are read")
    if left := [place for part in found.values() for place in part.left_out]:
        shown = ", ".join(left[:5]) + (", ..." if len(left) > 5 else "")
        notes.append(f"{len(left):,} defective line{'s were' if len(left) > 1 else ' was'} left out: {shown}")
    if found.keys() == {"all"}:
        parts = _divided(found["all"], settings.split, seed)
    else:
        parts = {name: found.get(name, Tagged()) for name in PARTS}
        if not len(parts["validation"]):
            train, validation, _ = check_fractions(settings.split)
            share = validation / (train + validation) or 0.1
            parts = _divided(parts["train"], (1 - share, share, 0.0), seed) | {"test": parts["test"]}
            notes.append(f"the validation part, {share:.0%}, was split off the training part")
        notes += _overlaps(parts)
    return parts, notes, {"left_out": left}


def _divided(whole: Tagged, shares: tuple[float, float, float], seed: int) -> dict[str, Tagged]:
    """By distinct sentence, so that none stands in two parts."""
    keys = [" ".join(sentence.tokens) for sentence in whole]
    examples = Examples([Example(key, "", s.file, s.lines[0]) for key, s in zip(keys, whole, strict=True)])
    part_of = {text: name for name, part in split(examples, shares, seed=seed) for text in part.texts}
    parts = {name: Tagged() for name in PARTS}
    parts["train"].skipped = whole.skipped
    for key, sentence in zip(keys, whole, strict=True):
        parts[part_of[key]].items.append(sentence)
    return parts


def _overlaps(parts: Mapping[str, Tagged]) -> list[str]:
    texts = {name: {s.tokens for s in part} for name, part in parts.items()}
    shared = {f"{a} and {b}": len(texts[a] & texts[b]) for a, b in combinations(PARTS, 2)}
    return [f"{count:,} distinct sentences stand in both {pair}" for pair, count in shared.items() if count]


def _told(
    source: Source, parts: Mapping[str, Tagged], tags: list[str], scheme: str | None, level: str, settings: DataSettings
) -> list[str]:
    notes = []
    if scheme is not None:
        how = "as set" if settings.scheme != "auto" else "as the tags look"
        then = ", which become BIO" if scheme == "iob1" else ""
        types = len({span.type for s in parts["train"] for span in spans.spans(s.tags)})
        notes.append(f"tags write spans of {types} types in {scheme.upper()} ({how}){then}")
    if level == "char":
        notes.append("tokens are single characters")
    for name in ("validation", "test"):
        new = set(parts[name].tags()) - set(tags)
        if new:
            count = sum(tag in new for s in parts[name] for tag in s.tags)
            notes.append(
                f"{len(new)} tags of {count:,} tokens of the {name} part were never in training and count as mistakes: "
                + ", ".join(sorted(new)[:5])
                + (", ..." if len(new) > 5 else "")
            )
    return notes
