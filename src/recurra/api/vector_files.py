"""Files of word vectors: written from a trained model, or learned from a corpus."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from recurra.api.preparation import prepare_run, settings_for
from recurra.api.progress import ProgressLogger
from recurra.api.run import load
from recurra.api.vectors import describe_pass
from recurra.data.vectors.table import check_out, write_vectors
from recurra.errors import DataError, UsageError
from recurra.locks import HeldError, holding
from recurra.model_folder.manifest import MANIFEST
from recurra.tasks import given, registry
from recurra.tasks.abilities import HavingVectors, WordTables, able
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.sources.unlike_text import refuse_unlike_text
from recurra.tasks.word_vectors.skipgram import SkipGram, count_tokens, learn_vectors


def export_vectors(
    source: str | Path,
    out: str | Path,
    *,
    task: str | None = None,
    how: SkipGram | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **settings: Any,
) -> int:
    """Write word vectors as word2vec text: a trained model's, or learned from the training part of some data.

    source: a model folder, or what `train` takes; how: they are learned; settings: of the data, as for `train`, which
    divides the same data with the same seed in the same way, so that what it tests on was not learned from; running
    text is cut into words unless its level is given.
    Returns how many were written; a token with white space in it cannot be, which a note says.
    Errors: DataError, UsageError, ModelFolderError
    """
    given.path(source, "source")
    path, progress = given.path(out, "out"), ProgressLogger(quiet=quiet)
    check_out(path, overwrite=overwrite)
    try:
        with holding(path):
            return _export(source, path, task, how or SkipGram(), overwrite, progress, settings)
    except HeldError as error:
        raise UsageError(f"{error}; wait for it or name another --out") from error
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", file=path) from error


def _export(
    source: str | Path,
    path: Path,
    task: str | None,
    how: SkipGram,
    overwrite: bool,
    progress: ProgressLogger,
    settings: dict[str, Any],
) -> int:
    if os.path.isfile(Path(source) / MANIFEST):
        _refuse_learning(task, how, settings)
        found = able(load(source).model, HavingVectors, "keep word vectors").word_vectors()
        tokens, rows = found.tokens, found.rows
    else:
        data = resolve(source, task, validation=settings.get("validation"), test=settings.get("test"))
        if task is None and settings.get("text") is None:
            refuse_unlike_text(data)
        progress.log(f"task {data.task}: {data.why}")
        learner = registry.get(data.task).task
        if not isinstance(learner, WordTables):
            raise UsageError(f"the data of the task {data.task} have no words; give a --task that reads text")
        if settings.get("segment") is None:
            named = {name: data.options[name] for name in learner.vector_settings if name in data.options}
            settings = {**learner.vector_settings, **named, **settings}
        with progress.doing("reading and encoding the data"):
            setup = prepare_run(data, settings_for(data, settings | {"seed": how.seed}))
        table = learner.word_table(setup.dataset, setup.network)
        counts = count_tokens(table.texts, len(table.tokens))
        progress.log(f"{int(counts.sum()):,} tokens of {len(table.tokens):,} types in the training part")
        learned = learn_vectors(
            table.texts, len(table.tokens), how, notify=lambda done: progress.log(describe_pass(done))
        )
        tokens = [token for token, count in zip(table.tokens, counts.tolist(), strict=True) if count]
        rows = learned[counts > 0]
    written, left_out = write_vectors(path, tokens, rows, overwrite=overwrite)
    if left_out:
        progress.log(f"note: {left_out:,} tokens with white space in them cannot be written in this format")
    progress.log(f"{written:,} vectors of {rows.shape[1]} numbers")
    return written


def _refuse_learning(task: str | None, how: SkipGram | None, settings: dict[str, Any]) -> None:
    """Errors: UsageError for what says how vectors are learned, where those of a model are taken"""
    usual = SkipGram()
    changed = [name for name, value in vars(usual).items() if how is not None and getattr(how, name) != value]
    if names := [*settings, *(["task"] if task is not None else []), *changed]:
        raise UsageError(
            f"{names[0]} applies to vectors that are learned; those of a model folder are written as they are"
        )
