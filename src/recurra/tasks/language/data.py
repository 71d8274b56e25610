"""The text of a language model as tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recurra.data import share
from recurra.data.corpus.mapped import Corpus, Ids, build_corpus, encode_file
from recurra.data.files.sources import sha256
from recurra.data.files.text import read_text
from recurra.data.splits import PARTS, check_fractions, many
from recurra.data.tokens.subword_lines import COUNTED, RunningVocabulary, SubwordLines
from recurra.errors import DataError
from recurra.tasks.language.trainee import Tokens
from recurra.tasks.settings import TextSettings
from recurra.tasks.sources.source import Source, in_memory
from recurra.tasks.text import losses
from recurra.tasks.text.running_text import cut, running_text

UNITS = {level: f"{one}s" for level, one in losses.UNITS.items()}
"""What a level's tokens are called."""


@in_memory
def read_corpus(source: Source, asked: TextSettings, kept: RunningVocabulary | None = None) -> Corpus:
    """The text of a source, cut into tokens. kept: a vocabulary instead of the text's own

    Errors: DataError, also for a vocabulary larger than the text
    """
    level = asked.level or "char"
    files, encoding = running_text(source, asked), _encoding(source, asked)
    rarest, largest = (1, None) if level == "byte" else (asked.min_count, asked.max_vocabulary)
    if level == "bpe":
        corpus = _encoded(files, asked, encoding, kept)
    else:
        corpus = build_corpus(
            files,
            fractions=asked.split,
            level=level,
            normalize=asked.normalize,
            encoding=encoding,
            split=asked.word_split,
            min_count=rarest,
            max_size=largest,
        )
    if kept is not None:  # mapped from disk where it is the text's own
        same = corpus.vocabulary.to_json() == kept.to_json()
        return corpus if same else _encoded(files, asked, encoding, kept)
    if largest is not None and largest > len(corpus.train):
        raise DataError(
            f"a vocabulary of {largest:,} is larger than the training text, which has {len(corpus.train):,} "
            f"{UNITS[level]}, {len(corpus.vocabulary) - 1:,} of them different",
            remedy="give more text or a smaller max_vocabulary",
            file=next(iter(source.files.values())),
        )
    return corpus


@in_memory
def encode_source(source: Source, asked: TextSettings, vocabulary: RunningVocabulary) -> Tokens:
    """All of a source under a vocabulary that there is already, int64 or less [N]. Errors: DataError"""
    found = source.files if source.kind == "texts" else running_text(source, asked)
    encoding = asked.encoding if source.kind == "texts" else _encoding(source, asked)
    paths = [found] if isinstance(found, Path) else list(found.values())
    if isinstance(vocabulary, SubwordLines):
        return np.concatenate([vocabulary.encode(read_text(path, encoding)) for path in paths])
    return np.concatenate([np.asarray(encode_file(path, vocabulary, encoding=encoding)[0]) for path in paths])


def _encoding(source: Source, asked: TextSettings) -> str:
    """Derived texts are written here."""
    return asked.encoding if source.kind == "text" else "utf-8"


def _encoded(
    files: Path | dict[str, Path], asked: TextSettings, encoding: str, kept: RunningVocabulary | None
) -> Corpus:
    """Under a kept vocabulary, or sub-words learned from the training part; the text is held in memory."""
    if isinstance(files, Path):
        texts = cut(read_text(files, encoding), check_fractions(asked.split))
        paths = [files]
    else:
        texts = {part: read_text(path, encoding) for part, path in files.items()}
        paths = list(files.values())
    vocabulary = kept or SubwordLines.build(
        texts["train"], normalize=asked.normalize, min_count=asked.min_count, max_size=asked.max_vocabulary
    )
    ids: dict[str, Ids] = {}
    with share.stage(COUNTED if kept is None else 0, 1, sum(text.count("\n") + 1 for text in texts.values())):
        for part, text in texts.items():
            ids[part] = vocabulary.encode(text).astype(np.uint32)
    for part, tokens in ids.items():
        if len(tokens) < 2:
            raise DataError(
                f"the {part} part has {many(len(tokens), losses.UNITS[vocabulary.level])}, it needs 2 at least",
                remedy="give a longer text or other fractions",
                file=paths[0],
            )
    train, validation, test = (ids.get(part, np.zeros(0, np.uint16)) for part in PARTS)
    hashes = {path.name: sha256(path) for path in paths}
    return Corpus(vocabulary, train, validation, test, hashes, {part: len(text) for part, text in texts.items()})
