"""Corpora for language models: tokenised once, then mapped from disk, so that a text larger than memory trains."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data import share
from recurra.data.corpus import cache as corpus_cache
from recurra.data.corpus.draft import Draft, Reading, final_table
from recurra.data.files.sources import sha256
from recurra.data.files.text import check_encoding
from recurra.data.splits import PARTS, check_fractions, many
from recurra.data.tokens import chinese, most_words, segment
from recurra.data.tokens.normalize import check_names
from recurra.data.tokens.pieces import pieces
from recurra.data.tokens.subword_lines import RunningVocabulary
from recurra.data.tokens.vocabulary import Level, Vocabulary, check_level, check_size, check_split
from recurra.errors import DataError, UsageError

log = logging.getLogger("recurra.data")

Ids = npt.NDArray[np.unsignedinteger[Any]]
_NONE = np.zeros(0, dtype=np.uint16)
BLOCK = 1 << 20
"""Tokens that are written at a time."""


@dataclass(frozen=True)
class Corpus:
    """A text as ids.

    train, validation, test: [N], uint16 or, from 65,536 tokens on, uint32; mapped from disk, read only; a part
    that there is not has length 0. sha256: of each file, by its name. characters: of each part's normalised
    text, for units per character.
    """

    vocabulary: RunningVocabulary
    train: Ids
    validation: Ids
    test: Ids
    sha256: dict[str, str]
    characters: dict[str, int]


def build_corpus(
    files: Path | Mapping[str, Path],
    *,
    fractions: Sequence[float] = (0.9, 0.1, 0.0),
    level: Level = "char",
    normalize: Iterable[str] = (),
    min_count: int = 1,
    max_size: int | None = None,
    encoding: str = "utf-8",
    split: segment.Split = "words",
    cache: Path | None = None,
) -> Corpus:
    """Tokenise one file, cut by position into parts, or a file for each of "train", "validation", "test".

    One file is cut at `fractions` of its characters, bytes (before a whole character) or words (after the
    nearest line end within 2 % of the text). The vocabulary comes from the training part alone. Characters,
    words, min_count, max_size and split are those of `Vocabulary.build`.

    The text is read once, in pieces of about a million characters, and kept in `cache` (default: "corpora" in
    the user's cache folder) under the SHA-256 of the files and the settings; from then on it is only mapped. While
    it is built it takes up to 4 further bytes of disk a token.
    Errors: DataError for a file that is not text (see `recurra.data.files.text`), for a part with fewer than 2
    tokens, or if the cache cannot be written; UsageError for settings that cannot be.
    """
    check_size(check_level(level), min_count, max_size)
    reading = Reading(level, check_names(normalize), check_split(split), check_encoding(encoding))
    sources = _sources(files)
    shares = check_fractions(fractions) if "" in sources else None
    hashes = {name: sha256(path) for name, path in sources.items()}
    settings = {
        "files": hashes,
        "fractions": shares,
        "level": level,
        "normalize": reading.normalize,
        "split": split if level == "word" else None,
        "segmenter": chinese.segmenter().identity.to_json() if (level, split) == ("word", "chinese") else None,
        "min_count": min_count,
        "max_size": max_size,
        "encoding": reading.encoding,
    }

    drafted, counted = SHARES[level]

    place = _cache_folder(cache)

    def build(folder: Path) -> None:
        every = place / corpus_cache.key(settings | {"max_size": None})
        if max_size is not None and (whole := corpus_cache.stored(every)) is not None:
            _abridge(folder, whole, max_size)
            return
        _check_room(folder, sources.values(), level)
        with share.stage(0, drafted, sum(path.stat().st_size for path in sources.values())):
            drafts = {
                name: Draft.write(path, folder / f"{name or 'all'}.draft", reading) for name, path in sources.items()
            }
        spans = _cut(drafts[""], shares) if shares else {name: (draft, 0, len(draft)) for name, draft in drafts.items()}
        _check_lengths(spans, reading)
        draft, start, stop = spans["train"]
        ids = sum(map(len, drafts.values()))
        with share.stage(drafted, counted, stop - start):
            counts = draft.count(start, stop)
        vocabulary = Vocabulary.from_counts(
            counts,
            level=level,
            normalize=reading.normalize,
            min_count=min_count,
            max_size=max_size,
            split=split,
        )
        dtype = np.dtype(np.uint16 if len(vocabulary) < 1 << 16 else np.uint32)
        characters, table = {}, final_table(vocabulary, reading)
        with share.stage(counted, 1, ids):
            for name, (draft, start, stop) in spans.items():
                blocks = draft.final_ids(table, start, stop, dtype)
                corpus_cache.write_part(folder, name, blocks, stop - start, dtype)
        for name, (draft, start, stop) in spans.items():
            characters[name] = draft.characters(start, stop)
        for draft in drafts.values():
            draft.path.unlink()
        corpus_cache.write_header(folder, vocabulary, characters)
        log.info("tokenised %d files into %d different tokens", len(sources), len(vocabulary))

    with most_words.bounded(None):  # a corpus of fewer words is made of this one in little time
        stored = corpus_cache.load_or_build(place / corpus_cache.key(settings), build)
    train, validation, test = (stored.parts.get(name, _NONE) for name in PARTS)
    by_name = {_short_name(path, sources.values()): hashes[name] for name, path in sources.items()}
    characters = {name: stored.characters.get(name, 0) for name in PARTS}
    return Corpus(stored.vocabulary, train, validation, test, by_name, characters)


def _abridge(folder: Path, whole: corpus_cache.Stored, size: int) -> None:
    """Write a corpus with as many tokens as a vocabulary may have, as it would have been read: rarer ones are <unk>."""
    known = whole.vocabulary
    vocabulary = Vocabulary(known.tokens[:size], level=known.level, normalize=known.normalize, split=known.split)
    dtype = np.dtype(np.uint16 if len(vocabulary) < 1 << 16 else np.uint32)
    for name, ids in whole.parts.items():
        blocks = (ids[start : start + BLOCK] for start in range(0, len(ids), BLOCK))
        kept = (np.where(block < size, block, Vocabulary.UNKNOWN) for block in blocks)
        corpus_cache.write_part(folder, name, kept, len(ids), dtype)
    corpus_cache.write_header(folder, vocabulary, whole.characters)


def encode_file(path: Path, vocabulary: Vocabulary, *, encoding: str = "utf-8") -> tuple[Ids, int]:
    """The ids of a text file under a vocabulary that there is already, in memory, and its normalised characters.

    Errors: DataError as `recurra.data.files.text.iter_text`.
    """
    dtype = np.uint16 if len(vocabulary) < 1 << 16 else np.uint32
    found: list[Ids] = []
    characters = 0
    words = vocabulary.level == "word"
    with share.stage(0, 1, Path(path).stat().st_size):
        for piece in pieces(Path(path), encoding=encoding, normalize_by=vocabulary.normalize, words=words):
            found.append(vocabulary.encode_normalized(piece).astype(dtype))
            characters += len(piece)
    return np.concatenate(found) if found else np.zeros(0, dtype), characters


SHARES = {"char": (0.4, 0.7), "byte": (0.6, 0.6), "word": (0.95, 0.97)}
"""Of the time, after drafting and after counting."""
DISK = {"char": 6, "byte": 4, "word": 3}
"""Bytes of disk that a byte of text takes while its corpus is built, at most; of words, usual ones."""


def _check_room(folder: Path, texts: Iterable[Path], level: Level) -> None:
    """Errors: DataError if the disk is too small for the cache, before anything is written there"""
    size = sum(path.stat().st_size for path in texts)
    needed, free = DISK[level] * size, shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"the cache needs about {needed / 1e6:,.0f} MB for a text of {size / 1e6:,.0f} MB, and "
            f"{free / 1e6:,.0f} MB are free there",
            remedy="set RECURRA_CACHE to a folder with room, or clear it: recurra cache --clear",
            file=folder.parent,
        )


def _sources(files: Path | Mapping[str, Path]) -> dict[str, Path]:
    """Files by part; "" for one file that is to be cut."""
    if not isinstance(files, Mapping):
        return {"": Path(files)}
    unknown = [name for name in files if name not in PARTS]
    if unknown or "train" not in files:
        raise UsageError(f"files are given for {', '.join(PARTS)}, train at least, got {', '.join(files) or 'none'}")
    return {name: Path(files[name]) for name in PARTS if name in files}


def _cut(draft: Draft, shares: tuple[float, float, float]) -> dict[str, tuple[Draft, int, int]]:
    """The spans of the parts that have a share."""
    edges, total = [0], 0.0
    for own in shares[:2]:
        total += own
        position = draft.align(math.floor(len(draft) * total + 1e-6))
        edges.append(max(position if total < 1 - 1e-6 else len(draft), edges[-1]))
    edges.append(len(draft))
    return {name: (draft, edges[i], edges[i + 1]) for i, name in enumerate(PARTS) if shares[i]}


def _check_lengths(spans: Mapping[str, tuple[Draft, int, int]], reading: Reading) -> None:
    unit = {"char": "character", "word": "word", "byte": "byte"}[reading.level]
    for name, (draft, start, stop) in spans.items():
        if stop - start < 2:
            raise DataError(
                f"the {name} part has {many(stop - start, unit)}, it needs 2 at least",
                remedy="give a longer text or other fractions",
                file=draft.source,
            )


def _cache_folder(cache: Path | None) -> Path:
    if cache is not None:
        return Path(cache)
    from recurra.data.datasets.download import cache_folder

    return cache_folder() / "corpora"


def _short_name(path: Path, others: Iterable[Path]) -> str:
    """The file's name, with its folder's if another file has the same name."""
    alike = sum(other.name == path.name for other in others)
    return path.name if alike == 1 else f"{path.parent.name}/{path.name}"
