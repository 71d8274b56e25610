"""Labelled texts as they are read and divided, before a vocabulary is made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data import share
from recurra.data.files import examples as reading
from recurra.data.files.examples import Examples
from recurra.data.files.rows import ExampleRows
from recurra.data.splits import PARTS, Splits, check_splits, divide, from_parts, hold_out, many, without_unseen
from recurra.data.tokens import segment
from recurra.data.tokens.chinese import segmenter
from recurra.data.tokens.cut import Cut
from recurra.data.tokens.drafted import Drafted
from recurra.data.tokens.given_tokens import Tokenised
from recurra.data.tokens.vocabulary import Level, Vocabulary
from recurra.data.twins import form_of
from recurra.tasks.classify.examples import columns_of, read_examples
from recurra.tasks.classify.settings import ClassifyDataSettings
from recurra.tasks.read_once import bytes_of
from recurra.tasks.sources.source import Source, hashes
from recurra.tasks.text.usual import infer_level

READ, CUT = 0.25, 0.75
"""Of the time, after reading and after cutting into words."""


@dataclass
class Read:
    """The parts as they were read; divided: those that were made here, which may be put right.

    drafted: all texts as words, if they are read so; rows: where in it the texts of a part stand
    """

    splits: Splits
    level: Level
    normalize: tuple[str, ...]
    divided: tuple[str, ...]
    facts: dict[str, Any]
    notes: list[str]
    drafted: Drafted | None
    rows: dict[str, npt.NDArray[np.int64]]
    word_split: segment.Split

    def fits(self, vocabulary: Vocabulary) -> bool:
        """Whether a vocabulary cuts words as they were when the texts were read."""
        how = vocabulary.level, vocabulary.normalize, vocabulary.split
        return how == ("word", self.normalize, self.word_split) and (
            vocabulary.segmenter is None or vocabulary.segmenter.identity == segmenter().identity
        )


def _tokenised(examples: Examples) -> bool:
    """Whether some texts are given as tokens, which are not cut."""
    return not isinstance(examples.items, ExampleRows) and any(isinstance(t, Tokenised) for t in examples.texts)


def read(
    source: Source, settings: ClassifyDataSettings, seed: int, folder: Path | None = None, *, as_it_is: bool
) -> Read:
    """folder: for what is not held in memory, if that is much; as_it_is: normalise as set, with nothing of our own."""
    notes: list[str] = []
    if source.kind == "table" and None in (settings.text, settings.label):
        text, label = columns_of(source, settings)
        notes.append(f"texts are in the column {text!r}, labels in {label!r}")
        settings = settings.model_copy(update={"text": text, "label": label})
    with share.stage(0, READ, bytes_of(source)):
        found = read_examples(source, settings, folder)
    skipped = found.skipped if isinstance(found, Examples) else sum(p.skipped for p in found.values())
    whole = found if isinstance(found, Examples) else from_parts(found).train
    dropped = 0
    kept = whole
    if not settings.keep_repeats:
        kept, dropped = reading.distinct(whole)
    level = "word" if settings.level == "both" else settings.level or infer_level(kept.texts)
    if level == "word" and not settings.normalize and not as_it_is:
        settings = settings.model_copy(update={"normalize": ("lowercase",)})
        notes.append("words are read in lower case; --normalize nfc keeps capitals")
    form = form_of(level=level, normalize_by=settings.normalize, split=settings.word_split, longest=settings.max_length)
    given = None if isinstance(found, Examples) else replace(from_parts(found), train=kept)
    drafted, keys = None, None
    every = [kept] if given is None else [part for _, part in given]
    if level == "word" and not any(_tokenised(part) for part in every):
        texts = chain.from_iterable(part.texts for part in every)
        cut = Cut("words", settings.normalize, settings.word_split)
        with share.stage(READ, CUT, sum(map(len, every))):
            drafted = Drafted(texts, cut, folder)
        keys = drafted.keys(settings.max_length)
    shares, of_train = settings.split, np.arange(len(kept))
    divided: tuple[str, ...] = PARTS if given is None else ()
    if given is not None and not len(given.validation):
        held = hold_out(settings.split)
        shares, divided = held.fractions, ("train", "validation")
        notes.append(held.note)
    if divided:
        own = None if keys is None else keys[of_train]
        part_of = divide(kept, shares, seed=seed, form=form, keys=own)
        rows = {name: np.flatnonzero(part_of == place) for place, name in enumerate(PARTS)}
        splits = Splits(*(Examples(kept.at(rows[name]).items) for name in PARTS))
    if given is not None:
        splits = Splits(splits.train, splits.validation, given.test) if divided else given
        edges = np.cumsum([0, *map(len, every)]).tolist()
        there = {name: np.arange(edges[place], edges[place + 1]) for place, name in enumerate(PARTS)}
        rows = there | {name: rows[name] for name in divided}
    if dropped:
        notes.append(f"{many(dropped, 'repeated example')} {'was' if dropped == 1 else 'were'} dropped")
    if skipped:
        notes.append(f"{skipped:,} rows without text were skipped")
    fewest = 2
    # as intents have it, some labels are rare, and some in test alone
    if source.kind == "labelled" and not isinstance(found, Examples):
        known, left_out = without_unseen(splits)
        trained = set(splits.train.classes())
        for name, part in splits:
            kept_rows = np.array([label in trained for label in part.labels], np.bool_)
            rows[name] = rows[name][kept_rows]
        splits = known
        notes, fewest = [*notes, *left_out], 1
    check_splits(splits, form=form, dropped=dropped, fewest=fewest)
    facts = {
        "name": source.name,
        "files": hashes(source.files),
        "unit": "examples",
        "repeats_dropped": dropped,
        "skipped": skipped,
    }
    return Read(splits, level, settings.normalize, divided, facts, notes, drafted, rows, settings.word_split)
