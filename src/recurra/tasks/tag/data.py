"""Tagged sentences as a tagger takes them."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from recurra.baselines.sparse_logistic import SparseLogistic
from recurra.data import share
from recurra.data.ragged import Keys, Ragged
from recurra.data.splits import many, why_empty
from recurra.data.tagged import spans
from recurra.data.tagged.sentences import Sentence, Tagged
from recurra.data.tokens.normalize import normalize as normalized
from recurra.data.tokens.typed import Habit
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.data.twins import describe_moved, regrouped, shared
from recurra.errors import DataError, UsageError, listed
from recurra.tasks.checked_rows import CheckedRows
from recurra.tasks.cutting import Indices, picked
from recurra.tasks.read_once import bytes_of, is_large, read_once
from recurra.tasks.sources.source import Source, hashes, in_memory
from recurra.tasks.tag.lexicon import Lexicon
from recurra.tasks.tag.looks import Looks, by_appearance
from recurra.tasks.tag.preprocessor import TagPreprocessor
from recurra.tasks.tag.reading import in_scheme, read, shortened, spans_of, why_no_spans
from recurra.tasks.tag.settings import TagDataSettings
from recurra.tasks.tag.stored import STORING
from recurra.topologies.tagger import UNKNOWN_TAG

Ids = npt.NDArray[np.int64]
READ, DIVIDED = 0.6, 0.8
"""Of the time, after reading and after dividing."""


@dataclass(frozen=True)
class TagPart:
    """Sentences of one part, encoded.

    forms: the distinct tokens, where pairs are read those of distinct pairs; words: int64 [F], the word of each form;
    letters: its characters' ids, none where they are not read; pairs: int64 [F], its pair, or None; encoded:
    for each sentence the indices of its tokens among the forms; labels: the indices of its tags among the tagger's,
    UNKNOWN_TAG for one that it does not know
    """

    sentences: Sequence[Sentence]
    forms: Sequence[str]
    words: Ids
    letters: Ragged
    pairs: Ids | None
    encoded: Ragged
    labels: Ragged

    def checked_rows(self, most: int) -> CheckedRows:
        return CheckedRows([self.words[row] for row in self.encoded[:most]])

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def tokens(self) -> int:
        """Tokens of all sentences together."""
        return int(self.encoded.starts[-1])

    def at(self, indices: Indices) -> TagPart:
        """The sentences at some indices."""
        return replace(
            self,
            sentences=picked(self.sentences, indices),
            encoded=picked(self.encoded, indices),
            labels=picked(self.labels, indices),
        )


@dataclass(frozen=True)
class TagData:
    """Everything a tagger learns from and is evaluated on.

    tags: their names; scheme: of spans, or None; habit: how the tokens were cut; kept: the preprocessor that was used
    instead of one learned from these data; features: keys and scales that a linear skip knows; fitted: the linear model
    of them, once it is asked for; place: of the cache, where they are stored
    """

    tags: list[str]
    scheme: str | None
    lexicon: Lexicon
    parts: dict[str, TagPart]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    habit: Habit = field(default_factory=Habit)
    kept: TagPreprocessor | None = None
    features: tuple[Tensor, Tensor] | None = None
    fitted: list[SparseLogistic] = field(default_factory=list)
    place: Path | None = None

    @property
    def preprocessor(self) -> TagPreprocessor:
        """What the tagger has learned of them."""
        if self.kept is not None:
            return self.kept
        level, known = self.facts.get("vocabulary_level", "word"), 0 if self.features is None else len(self.features[0])
        return TagPreprocessor(self.lexicon, self.tags, self.scheme, level, self.habit, known)

    def read_words(self) -> Ragged:
        """The words of the training sentences."""
        train = self.parts["train"]
        words = train.words.astype(np.min_scalar_type(len(self.lexicon.words)))
        return Ragged(words[train.encoded.values], train.encoded.starts)


@in_memory
def prepare(
    source: Source,
    settings: TagDataSettings,
    *,
    characters: bool | None = None,
    pairs: bool | None = None,
    seed: int = 0,
    kept: TagPreprocessor | None = None,
) -> TagData:
    """Read, divide and encode.

    characters, pairs: whether the tagger reads the characters of its words, and pairs of neighbours; None for the
    characters of words and the pairs of single characters. kept: lexicon, tags and scheme instead of the data's own

    Of large files this is done once, and mapped from the cache from then on.
    Errors: DataError with file and line, UsageError
    """
    build = functools.partial(_prepare, source, settings, characters, pairs, seed, kept)
    if not is_large(source):
        return build()
    return read_once(source, settings, seed, kept, lambda _: build(), STORING, [characters, pairs])


@share.whole()
def _prepare(
    source: Source,
    settings: TagDataSettings,
    characters: bool | None,
    pairs: bool | None,
    seed: int,
    kept: TagPreprocessor | None,
) -> TagData:
    if settings.level not in (None, "char", "word"):
        raise UsageError(f"tokens of tagged data are words or single characters; level {settings.level!r} is neither")
    with share.stage(0, READ, bytes_of(source)):
        parts, divided, notes, facts = read(source, settings, seed)
    if not len(parts["validation"]):
        tokens = [sentence.tokens for part in parts.values() for sentence in part]
        raise DataError(
            f"the validation part is empty{why_empty(len(set(tokens)), len(tokens), 'sentence')}",
            remedy="give more sentences, or give it a share, as in --split 80/10/10",
        )
    scheme = spans_of(parts.values(), settings.scheme)
    if scheme is not None:
        for name, part in parts.items():
            parts[name], mended, first = in_scheme(part, scheme, strict=settings.strict)
            if mended:
                notes.append(f"mended in {name}: {many(mended, f'invalid {scheme.upper()} tag')}, the first at {first}")
    elif problem := why_no_spans(parts.values(), settings):
        notes.append(problem)
    if settings.max_length is not None:
        parts["train"], truncated = shortened(parts["train"], settings.max_length)
        if truncated:
            notes.append(
                f"truncated to {many(settings.max_length, 'token')}: {many(truncated, 'sentence')} of the training part"
            )
    tags = parts["train"].tags()
    if kept is not None:
        _check_known(parts["train"], tags, scheme, kept)
        tags, scheme = kept.tags, kept.scheme
    if len(tags) < 2:
        raise DataError(f"all tokens have the same tag, {tags[0]!r}", file=parts["train"].items[0].file)
    single = all(len(token) == 1 for sentence in parts["train"] for token in sentence.tokens)
    level = settings.level or ("char" if single else "word")
    if level == "char" and not single:
        long = next(token for sentence in parts["train"] for token in sentence.tokens if len(token) > 1)
        raise UsageError(f"level 'char' means tokens of one character; there is {long!r}")
    lexicon = (
        kept.lexicon
        if kept is not None
        else build_lexicon(
            parts["train"],
            settings,
            characters=not single if characters is None else characters,
            pairs=single if pairs is None else pairs,
        )
    )
    looks = Looks.of(chain.from_iterable(parts.values()), lexicon)
    forms = _forms(parts, looks, lexicon, settings.max_length)
    positions, moved = regrouped({name: forms[name] for name in divided})
    if moved:
        whole = [sentence for name in divided for sentence in parts[name]]
        for name, found in positions.items():
            parts[name] = replace(parts[name], items=[whole[place] for place in found.tolist()])
        if settings.max_length is not None:
            parts["train"], _ = shortened(parts["train"], settings.max_length)
        forms = _forms(parts, looks, lexicon, settings.max_length)
    notes += describe_moved(moved, "sentence")
    notes += [f"in both {pair}: {many(len(both), 'distinct sentence')}" for pair, both in shared(forms).items()]
    encoded = {}
    with share.stage(DIVIDED, 1, sum(map(len, parts.values()))):
        for name, part in parts.items():
            encoded[name] = encode_part(part.items, lexicon, tags, looks)
            share.add(len(part))
    held_out = encoded["test"] if len(encoded["test"]) else encoded["validation"]
    notes += _notes(parts, tags, scheme, level, settings)
    words = held_out.words[held_out.encoded.values]
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
    habit = kept.habit if kept is not None else Habit.of(sentence.tokens for sentence in parts["train"])
    return TagData(tags, spans.scheme(scheme).name if scheme else None, lexicon, encoded, facts, notes, habit, kept)


def _check_known(train: Tagged, tags: list[str], scheme: str | None, kept: TagPreprocessor) -> None:
    """Errors: DataError for tags or a scheme of spans that the kept tagger does not have"""
    file = train.items[0].file
    new = [tag for tag in tags if tag not in kept.tags]
    if new:
        raise DataError(
            f"{many(len(new), 'tag')} unknown to the model, such as {new[0]!r}; it knows {listed(kept.tags)}",
            remedy="rename them, or train a new model",
            file=file,
        )
    if kept.scheme is not None and (scheme is None or spans.scheme(scheme).name != kept.scheme):
        raise DataError(
            f"the model writes spans as {kept.scheme}, these tags as {scheme or 'no spans'}",
            remedy="rewrite the tags, or train a new model",
            file=file,
        )


def build_lexicon(train: Tagged, settings: TagDataSettings, *, characters: bool, pairs: bool) -> Lexicon:
    """What stands in the training part; a pair is known that occurs twice. max_vocabulary is the bound of pairs too."""
    forms = Counter(chain.from_iterable(sentence.tokens for sentence in train))
    words: Counter[str] = Counter()
    letters: Counter[str] = Counter()
    for form, count in forms.items():
        words[normalized(form, settings.normalize)] += count
        for letter in form:
            letters[letter] += count
    neighbours = Counter[str]()
    if pairs:
        neighbours.update(pair for sentence in train for pair in _pairs(sentence.tokens, settings.normalize))
    return Lexicon(
        Vocabulary.from_counts(
            words,
            level="word",
            normalize=settings.normalize,
            min_count=settings.min_count,
            max_size=settings.max_vocabulary,
            split="space",
        ),
        Vocabulary.from_counts(letters, level="char") if characters else None,
        Vocabulary.from_counts(neighbours, level="word", min_count=2, max_size=settings.max_vocabulary, split="space")
        if pairs
        else None,
    )


def _pairs(tokens: Sequence[str], normalize: Sequence[str]) -> list[str]:
    """Each token, normalised, with the one after it, and a space between them."""
    words = [normalized(token, normalize) for token in tokens]
    return [f"{word} {after}" for word, after in zip(words, [*words[1:], ""], strict=True)]


def encode_part(
    sentences: Sequence[Sentence], lexicon: Lexicon, tags: Sequence[str], looks: Looks | None = None
) -> TagPart:
    """Sentences as ids; a tag that is not among the tagger's becomes UNKNOWN_TAG. looks: of their tokens, if known"""
    seen = Looks.of(sentences, lexicon) if looks is None else looks
    ids, neighbours, known = seen.ids(sentences), None, lexicon.pairs
    if known is None:
        own, encoded = by_appearance(ids.values, len(seen.index))
    else:
        pairs = chain.from_iterable(_pairs(sentence.tokens, lexicon.words.normalize) for sentence in sentences)
        forms: dict[tuple[int, str], int] = {}
        numbers = (forms.setdefault(form, len(forms)) for form in zip(ids.values.tolist(), pairs, strict=True))
        encoded = np.fromiter(numbers, np.uint32, len(ids.values))
        encoded = encoded.astype(np.min_scalar_type(max(len(forms) - 1, 0)))
        own = np.array([place for place, _ in forms], np.int64)
        neighbours = known.encode_tokens(pair for _, pair in forms)
    tokens = list(seen.index)
    tag_ids = {tag: i for i, tag in enumerate(tags)}
    labels = (tag_ids.get(tag, UNKNOWN_TAG) for sentence in sentences for tag in sentence.tags)
    found = np.fromiter(labels, np.min_scalar_type(-max(1, len(tags))), len(encoded))
    return TagPart(
        list(sentences),
        [tokens[place] for place in own.tolist()],
        seen.words[own],
        seen.letters.at(own),
        neighbours,
        Ragged(encoded, ids.starts),
        Ragged(found, ids.starts),
    )


def _forms(parts: Mapping[str, Tagged], looks: Looks, lexicon: Lexicon, longest: int | None) -> dict[str, Keys]:
    """What stands for what a tagger sees of each sentence, as far as sentences are learned from."""
    known, alike = lexicon.pairs, looks.alike()

    def keys(part: Tagged) -> Keys:
        ids = looks.ids(part.items)
        found = Ragged(alike[ids.values], ids.starts).keys(longest)
        if known is None:
            return found
        pairs = (known.encode_tokens(_pairs(s.tokens[:longest], lexicon.words.normalize)) for s in part)
        return found * np.uint64(0x9E3779B97F4A7C15) + Ragged.of(pairs, len(known)).keys()

    return {name: keys(part) for name, part in parts.items()}


def _notes(
    parts: Mapping[str, Tagged], tags: list[str], scheme: str | None, level: str, settings: TagDataSettings
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
            shown = ", ".join(sorted(new)[:5]) + (", ..." if len(new) > 5 else "")
            notes.append(
                f"never in training, so mistakes in {name}: {many(len(new), 'tag')}, {shown} ({many(count, 'token')})"
            )
    return notes
