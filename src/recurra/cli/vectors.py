"""`recurra vectors`, and the nearest words of `recurra explain`"""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from recurra.cli.output import visible, write_json, write_result, write_table
from recurra.cli.settings import of_panel
from recurra.cli.values import text
from recurra.tasks import registry


def settings_of_vectors() -> dict[str, Any]:
    """Of the settings the command has those of the data, as far as a task reads them whose data are texts."""
    from recurra.tasks.settings import TextSettings

    rows = [row for row in registry.ROWS if isinstance(row.defaults.settings.data, TextSettings)]
    read = {name for row in rows for name in type(row.defaults.settings.data).model_fields}
    others = (name for name in of_panel("data") if name not in read)
    return {"panels": ("data",), "without": ("vectors", "vectors_encoding", "train_vectors", *others)}


def vectors(
    source: Annotated[
        str, typer.Argument(metavar="DATA|RUN", help="a file, a folder, a data set's name; or a model folder")
    ],
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="where to write them, word2vec text")],
    task: Annotated[
        str | None, typer.Option(metavar="NAME", help="as for train; inferred from the data if not given")
    ] = None,
    width: Annotated[int, typer.Option(metavar="N", help="size of a vector")] = 100,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="passes over the training part; 5, more if it is short")
    ] = None,
    window: Annotated[int, typer.Option(metavar="N", help="largest distance between a word and one it predicts")] = 5,
    negatives: Annotated[float, typer.Option(metavar="X", help="negative samples per word")] = 5.0,
    subsample: Annotated[float, typer.Option(metavar="X", help="words more frequent than this are subsampled")] = 1e-3,
    learning_rate: Annotated[float, typer.Option("--learning-rate", "--lr", metavar="X", help="at the start")] = 0.05,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="as for train")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the file if there is one")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, only errors")] = False,
    **settings: Any,
) -> None:
    """Learn word vectors from DATA by skip-gram, or take those of a trained model, and write them to a file.

    Only the training part is learned from, as train divides it. Prints the file's name.

    \b
    recurra vectors corpus.txt --out vectors.txt
    recurra train reviews.csv --vectors vectors.txt
    recurra explain vectors.txt --nearest good
    """
    from recurra.api.vector_files import export_vectors
    from recurra.tasks.word_vectors.skipgram import SkipGram

    how = SkipGram(width, epochs, window, negatives, subsample, learning_rate, seed)
    export_vectors(source, out, task=task, how=how, overwrite=overwrite, quiet=quiet, **settings)
    write_result(f"{out}\n")


def explain_nearest(source: str, word: str, top: int, *, json: bool) -> None:
    """Print the words nearest to a word in a trained model, or in a file of word vectors."""
    from pathlib import Path

    from recurra.api.run import load
    from recurra.inspection.nearest import nearest_in_file

    word = text(word)
    found = (
        nearest_in_file(Path(source), word, top=top) if os.path.isfile(source) else load(source).nearest(word, top=top)
    )
    if json:
        neighbours = [{"word": token, "cosine": cosine} for token, cosine in found]
        write_json({"source": source, "word": word, "nearest": neighbours})
    else:
        write_table([[visible(token), f"{cosine:.3f}"] for token, cosine in found], right=(1,))
