"""Sentence pairs as an encoder and a decoder take them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from recurra.data import share
from recurra.data.files.pair_rows import PairRows, Pairs
from recurra.data.packed import numbered
from recurra.data.ragged import Ragged
from recurra.data.tokens.scripts import writing
from recurra.data.tokens.subwords import describe_sample, learned_from
from recurra.data.twins import describe_moved, regrouped
from recurra.errors import DataError
from recurra.tasks.cutting import Indices
from recurra.tasks.decoding.bleu import CutBy, cut_by
from recurra.tasks.decoding.glossary import FOLDS, Glossary, crossed
from recurra.tasks.read_once import is_large, read_once
from recurra.tasks.sources.source import Source, hashes, in_memory
from recurra.tasks.translate import reading
from recurra.tasks.translate.encoding import (
    PairPart,
    Side,
    Sides,
    build_vocabulary,
    encode_pairs,
    encode_sides,
    size_of,
)
from recurra.tasks.translate.preprocessor import TranslatePreprocessor, Words
from recurra.tasks.translate.reading import Read
from recurra.tasks.translate.settings import TranslateDataSettings
from recurra.tasks.translate.stored import STORING
from recurra.topologies.encoder_decoder import check
from recurra.topologies.settings import EncoderDecoderSettings

FEW_PAIRS = 10_000
"""Up to so many a dictionary is worth reading, see benchmarks/few_pairs.py."""
LEARNING = (0.4, 0.6), (0.6, 0.8)
"""Of the time: while the sub-words of each side are learned, after reading.SHARES."""


@dataclass(frozen=True)
class TranslateData:
    """Everything a translator learns from and is evaluated on.

    facts: what was read and done to it, plain values; bleu: how translations are cut for BLEU; glossary: a dictionary
    whose answer is read beside each source, None for none
    """

    source: Words
    target: Words
    parts: dict[str, PairPart]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    bleu: CutBy = "13a"
    glossary: Glossary | None = None

    @property
    def preprocessor(self) -> TranslatePreprocessor:
        """What a model has learned of them."""
        return TranslatePreprocessor(self.source, self.target, self.bleu, self.glossary)

    @functools.cached_property
    def glosses(self) -> list[str]:
        """What the network reads beside the training sources, see glossary.crossed."""
        train = self.parts["train"]
        return crossed(train.sources, train.targets)

    def read_sources(self) -> Ragged:
        """The training sources without their ends."""
        sources = self.parts["train"].encoded_sources
        return sources.cut(sources.lengths - 1)


@in_memory
def prepare(
    source: Source, settings: TranslateDataSettings, *, seed: int = 0, kept: TranslatePreprocessor | None = None
) -> TranslateData:
    """Read, divide and encode. kept: vocabularies of source and target instead of the data's own

    Of large files this is done once, and mapped from the cache from then on.
    Errors: DataError with file and line; UsageError
    """
    build = functools.partial(_prepare, source, settings, seed, kept)
    return read_once(source, settings, seed, kept, build, STORING) if is_large(source) else build()


def with_glossary(
    data: TranslateData, network: EncoderDecoderSettings, kept: TranslatePreprocessor | None
) -> TranslateData:
    """The same with a dictionary of the training pairs, if one is asked for, or pairs are few and nobody said.

    kept: whose dictionary, or lack of one, it has instead
    Errors: UsageError for a dictionary without attention, with which nothing is copied
    """
    if kept is not None:
        return replace(data, glossary=kept.glossary)
    train, skip = data.parts["train"], network.skip
    few = network.attention != "none" and len(train) <= FEW_PAIRS
    if skip == "none" or (skip == "auto" and not few):
        return data
    check(network, glossed=True)
    with share.whole(), share.stage(0, 1, FOLDS + 1):
        glossary = Glossary.learned(train.sources, train.targets)
        share.add(1)
        note = (
            f"a dictionary of {len(glossary):,} words, learned from the training pairs, translates each source word "
            "for word; the network reads its answer too and may copy from it"
        )
        found = replace(data, glossary=glossary, notes=[*data.notes, note])
        assert len(found.glosses) == len(train)  # which are made here, where it is told how far this has come
    return found


@share.whole()
def _prepare(
    source: Source,
    settings: TranslateDataSettings,
    seed: int,
    kept: TranslatePreprocessor | None,
    folder: Path | None = None,
) -> TranslateData:
    """folder: for what is not held in memory"""
    read = reading.read(source, settings, seed, folder)
    parts, notes = read.parts, read.notes
    if not len(parts["validation"]):
        raise DataError("the validation part is empty", remedy="give it a share, as in --split 90/5/5, or --validation")
    if kept is not None:
        of_source, of_target = kept.source, kept.target
    else:
        of_source, of_target = (_vocabulary(read, side, settings) for side in (0, 1))
    if of_source.level == "bpe" and kept is None:
        pairs = parts["train"]
        sizes = (size_of(texts, settings) for texts in (pairs.sources, pairs.targets))
        said = (describe_sample(len(pairs), size, "training pairs") for size in sizes)
        notes += dict.fromkeys(chain.from_iterable(said))
    rows, more = _settled(read, Side(of_source, settings), Side(of_target, settings), settings.max_length)
    notes += more
    ends = len(of_source), len(of_target)
    encoded = {
        name: encode_pairs(read.parts[name], rows.pop(name), ends, settings, learned=name == "train", folder=folder)
        for name in parts
    }
    train = encoded["train"]
    if not len(train):
        raise DataError(
            f"every pair of the training part is longer than {settings.max_length} tokens",
            remedy="give a larger max_length, or too_long cut",
        )
    held_out = encoded["test"] if len(encoded["test"]) else encoded["validation"]
    tokens = int((held_out.encoded_sources.lengths - 1).sum())
    unknown = int((held_out.encoded_sources.values == 0).sum())
    if train.left_out:
        notes.append(f"{train.left_out:,} training pairs are longer than {settings.max_length} tokens and were dropped")
    for name, part in encoded.items():
        if part.truncated:
            notes.append(f"{name}: {part.truncated:,} sentences were truncated to {settings.max_length} tokens")
    pieces = {"bpe": "sub-words", "char": "characters", "byte": "bytes"}.get(of_source.level, of_source.level + "s")
    notes.append(f"{len(of_source):,} {pieces} are read, {len(of_target):,} are written")
    facts = {
        "name": source.name,
        "files": hashes(source.files),
        "counts": {name: len(part) for name, part in encoded.items()},
        "unit": "pairs",
        "skipped": sum(pairs.blank for pairs in read.parts.values()),
        "left_out": train.left_out,
        "truncated": sum(part.truncated for part in encoded.values()),
        "vocabulary_size": len(of_target),
        "source_vocabulary_size": len(of_source),
        "vocabulary_level": of_target.level,
        "unknown_rate": unknown / tokens if tokens else 0.0,
    }
    bleu = kept.bleu if kept is not None else cut_by(writing(train.targets))
    return TranslateData(of_source, of_target, encoded, facts, notes, bleu)


def _vocabulary(read: Read, side: int, settings: TranslateDataSettings) -> Words:
    train, drafted = read.parts["train"], read.drafts["train"][side]
    counts = None
    if settings.level == "word" and drafted is not None and isinstance(train.items, PairRows):
        counts = drafted.count(train.items.rows)
    texts = train.targets if side else train.sources
    size = size_of(texts, settings) if (settings.level or "bpe") == "bpe" else 0
    with share.stage(*LEARNING[side], learned_from(len(texts), size) if size else 0):
        return build_vocabulary(texts, settings, counts)


def _settled(read: Read, source: Side, target: Side, longest: int | None) -> tuple[dict[str, Sides], list[str]]:
    """The parts put right, no source in two of those that were made here, as the network sees it; their rows, and what
    to say of it. longest: tokens that it sees
    """

    def encoded(name: str) -> Sides:
        return encode_sides(read.parts[name], source, target, read.drafts[name])

    rows = {name: encoded(name) for name in read.parts}
    forms = {name: sources.keys(longest) for name, (sources, _) in rows.items()}
    positions, moved = regrouped({name: forms[name] for name in read.divided})
    notes = describe_moved(moved, "pair")
    if moved:
        _regroup(read.parts, positions)
        rows |= {name: encoded(name) for name in positions}
        forms = {name: sources.keys(longest) for name, (sources, _) in rows.items()}
    for name in ("validation", "test"):
        same = np.flatnonzero(np.isin(forms[name], forms["train"]))
        if not len(same):
            continue
        both = [rows["train"][1].keys(longest), rows[name][1].at(same).keys(longest)]
        of_sources = np.concatenate([forms["train"], forms[name][same]])
        number = numbered(of_sources, np.concatenate(both))[0]
        whole = int(np.isin(number[len(both[0]) :], number[: len(both[0])]).sum())
        if whole:
            notes.append(f"{whole:,} pairs of the {name} part stand in the training part too")
        if len(same) > whole:
            notes.append(
                f"{len(same) - whole:,} pairs of the {name} part have a source that stands in the training part with "
                "another translation"
            )
    if shared := len(np.intersect1d(forms["validation"], forms["test"])):
        notes.append(f"sources in both validation and test: {shared:,}")
    return rows, notes


def _regroup(parts: dict[str, Pairs], positions: Mapping[str, Indices]) -> None:
    """positions: of each part its places among the pairs of all of them, one after the other"""
    found = [parts[name].items for name in positions]
    rows = np.concatenate([items.rows for items in found if isinstance(items, PairRows)])
    for name, chosen in positions.items():
        items = parts[name].items
        assert isinstance(items, PairRows)
        parts[name] = Pairs(items.of_file(rows[chosen]), parts[name].blank)
