"""The commands that use a trained model: evaluate, predict, generate."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recurra.cli.output import note, score, visible, write, write_json, write_table
from recurra.errors import DataError, UsageError

if TYPE_CHECKING:
    from recurra.api.run import Run

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="a model folder")]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def evaluate(
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="a file, a folder or a data set's name; if not given, what the run held out",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Judge a model on other data, or again on its own."""
    from recurra.api.run import load

    model = load(run)
    found = model.evaluate(data)
    if json:
        write_json({"folder": run, "task": model.task} | found)
        return
    values = {name: value for name, value in found.items() if name not in ("on", "count")}
    write(f"{visible(found['on'])}: {found['count']:,} {model.model.unit}\n")
    write_table([[name.replace("_", " "), score(value)] for name, value in values.items()], right=(1,))


def predict(
    run: RunArgument,
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="what to classify; `-` or nothing: the lines of standard input"),
    ] = None,
    top: Annotated[int, typer.Option(metavar="N", min=1, help="so many classes, the most probable first")] = 3,
    json: JsonOption = False,
) -> None:
    """Classify texts with a trained classifier.

    Prints each text with its most probable classes and their probabilities.
    """
    given = texts if texts and texts != ["-"] else _lines_of_stdin(asked=bool(texts))
    from recurra.api.run import load

    model = load(run)
    predictions = model.predict(given, top=top)
    _tell_unknown(model, given)
    if json:
        write_json({"folder": run, "predictions": model.model.document(predictions)})
        return
    rows = model.model.rows(predictions)
    write_table([[visible(row[0], longest=60), *row[1:]] if row else [] for row in rows])


def generate(
    run: RunArgument,
    prompt: Annotated[str, typer.Option(metavar="TEXT", help="what the text begins with", show_default=False)] = "",
    length: Annotated[int, typer.Option(metavar="N", min=0, help="so many characters, words or bytes")] = 500,
    temperature: Annotated[
        float, typer.Option(metavar="T", help="0: always the most probable token; higher: more surprising")
    ] = 0.8,
    top_k: Annotated[int | None, typer.Option(metavar="K", help="draw among the K most probable tokens")] = None,
    top_p: Annotated[
        float | None, typer.Option(metavar="P", help="draw among the most probable tokens that reach P together")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=2**32 - 1, help="the same text each time; another one if not given"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write text with a trained language model.

    Prints the prompt and what follows, as it is drawn.
    """
    from recurra.api.run import load

    model = load(run)
    sampling: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    pieces = model.stream(prompt, length, **sampling)
    if json:
        text = prompt + "".join(pieces)
        write_json({"folder": run, "prompt": prompt, "text": text, "length": length} | sampling)
        return
    write(prompt)
    last = prompt
    for last in pieces:
        write(last)
    if not last.endswith("\n"):
        write("\n")


def _lines_of_stdin(*, asked: bool) -> list[str]:
    """One text a line.

    Errors: UsageError on a terminal that nobody asked to read, or for no line; DataError for bytes that are no text
    """
    if not asked and sys.stdin.isatty():
        raise UsageError("predict what? name texts, or give them on standard input, one a line")
    lines = []
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"byte {error.start + 1} of the line is not utf-8", remedy="convert it first, as with iconv",
                file="standard input", line=number,
            ) from None  # fmt: skip
        lines.append(text.rstrip("\r\n"))
    if not lines:
        raise UsageError("standard input is empty; give one text a line")
    return lines


def _tell_unknown(model: Run, texts: list[str]) -> None:
    unknown = model.model.unknown(texts)
    if not unknown:
        return
    kind = "character" if all(len(piece) == 1 for piece in unknown) else "word"
    shown = ", ".join(repr(piece) for piece in unknown[:8]) + (", ..." if len(unknown) > 8 else "")
    note(f"{len(unknown):,} {kind}{'s' if len(unknown) > 1 else ''} that the model has never seen: {shown}")
