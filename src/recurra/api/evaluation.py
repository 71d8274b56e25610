"""Judging a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.api import provenance
from recurra.api.preparation import prepare_run
from recurra.data.corpus import encode_file
from recurra.data.examples import Examples
from recurra.errors import DataError
from recurra.tasks.classify import judge
from recurra.tasks.classify_data import encode_part, read_examples
from recurra.tasks.language import judge as judge_language
from recurra.tasks.sources import hashes, resolve

if TYPE_CHECKING:
    from recurra.api.run import Run


def evaluate(run: Run, data: str | Path | None) -> dict[str, Any]:
    """Scores, the number of units they are the mean of, and on what.

    data: a file, a folder or a data set's name, all of it judged; None: the run's own held-out part again.
    Errors: DataError
    """
    found = _again(run) if data is None else _anew(run, data)
    return {"on": found[0], "count": found[1]} | found[2]


def _again(run: Run) -> tuple[str, int, dict[str, float]]:
    source = provenance.from_json(run.config["source"], run.folder)
    provenance.check_same(run.config["data"]["files"], hashes(source.files))
    prepared = prepare_run(source, run.settings)
    prepared.task.network = run.network
    part = prepared.judged_on
    count = prepared.facts["counts"][part]
    scored = count if run.task == "classify" else count - 1  # nothing foretells a text's first token
    return f"{source.name}, {part} part", scored, prepared.judge()


def _anew(run: Run, data: str | Path) -> tuple[str, int, dict[str, float]]:
    source = resolve(data, run.task)
    settings = run.settings.data.model_copy(update={k: v for k, v in source.options.items() if k != "level"})
    if run.task == "language":
        parts = [encode_file(path, run.vocabulary, encoding=settings.encoding)[0] for path in source.files.values()]
        tokens = np.concatenate([np.asarray(p) for p in parts])
        if len(tokens) < 2:
            raise DataError(f"a text of {len(tokens)} tokens has no next token to score", file=str(data))
        return source.name, len(tokens) - 1, judge_language(run.network, tokens, run.vocabulary.level)
    found = read_examples(source, settings)
    if not isinstance(found, Examples):
        found = Examples([item for part in found.values() for item in part.items])
    part = encode_part(found, run.vocabulary, run.config["classes"], settings.max_length)
    return source.name, len(part), judge(run.network, part)
