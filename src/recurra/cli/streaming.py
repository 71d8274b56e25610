"""`recurra predict RUN --stream`: labels while sound, or rows of frames, arrive."""

from __future__ import annotations

import csv
import io
import json as json_lines
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recurra.cli.output import note, visible, write
from recurra.errors import DataError, UsageError, listed

if TYPE_CHECKING:
    import numpy as np

PANEL = "Streams"
Stream = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="a label for each frame as it arrives; `-`: standard input, PCM, rows of a table, or paths of pictures",
        rich_help_panel=PANEL,
    ),
]
Rate = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="samples a second on standard input [the model's]", rich_help_panel=PANEL),
]
SampleFormat = Annotated[
    str | None,
    typer.Option(metavar="u8|s16|s24|s32|f32", help="of these, little-endian [s16]", rich_help_panel=PANEL),
]
InputChannels = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="of the samples; their mean is read [1]", rich_help_panel=PANEL)
]
LONGEST_LINE = 4_000_000


def write_stream(
    model: Any, where: str, *, rate: int | None, sample_format: str | None, channels: int | None, json: bool
) -> None:
    """A line for each frame: time or number, label, probability; with json an object a line. Times to stderr.

    Errors: UsageError for a model that cannot, with the reason; DataError
    """
    from recurra.cli.streamed_pictures import is_of_pictures, pictures
    from recurra.tasks.abilities import Listening

    if not isinstance(model, Listening):
        raise UsageError(f"--stream reads frames and sound; {model.does}")
    sound = model.preprocessor.sound  # type: ignore[attr-defined]
    given = {"--rate": rate, "--sample-format": sample_format, "--input-channels": channels}
    if named := [name for name, value in given.items() if value is not None]:
        if sound is None:
            raise UsageError(f"{named[0]} is of sound; this model reads no sound")
        if where != "-":
            raise UsageError(f"{named[0]} says what standard input holds; {where} says it itself")
    model.listen()  # refused before anything is read
    pieces: Iterator[Any]
    if sound is None and is_of_pictures(model, where):
        pieces, stream = pictures(where, model), model.listen()
    elif sound is None:
        pieces, stream = _rows(where, model), model.listen()
    elif where == "-":
        pieces = _pcm(sample_format or "s16", channels or 1, rate or sound.rate, sound.seconds)
        stream = model.listen(rate)
    else:
        from recurra.data.sound.recording import blocks, rate_of

        own = rate_of(Path(where))
        pieces, stream = blocks(Path(where), max(1, round(own * sound.seconds))), model.listen(own)
    _write_labels(stream, pieces, json=json)


def _write_labels(stream: Any, pieces: Iterator[Any], *, json: bool) -> None:
    spent: list[float] = []
    heard = 0.0
    for piece in pieces:
        begun = time.perf_counter()
        found = stream.push(piece)
        took = time.perf_counter() - begun
        heard += 0.0 if stream.rate is None else len(piece) / stream.rate
        spent += [took / max(1, len(found))] * max(1, len(found))
        _write(found, json=json)
    begun = time.perf_counter()
    found = stream.end()
    spent.append(time.perf_counter() - begun)
    _write(found, json=json)
    _note_speed(spent, stream.count, heard, stream.waits)


def _write(found: list[Any], *, json: bool) -> None:
    lines = []
    for one in found:
        if json:
            place = {"frame": one.frame} | ({} if one.seconds is None else {"seconds": round(one.seconds, 6)})
            document = place | {"label": one.label, "probability": round(one.probability, 6)}
            lines.append(json_lines.dumps(document))
        else:
            place_of = str(one.frame + 1) if one.seconds is None else f"{one.seconds:.4f}"
            lines.append(f"{place_of}\t{visible(one.label)}\t{one.probability:.3f}")
    if lines:
        write("\n".join(lines) + "\n")


def _note_speed(spent: list[float], count: int, heard: float, waits: float) -> None:
    """How long it took, of what."""
    total, ordered = sum(spent), sorted(spent)
    each = f"{1000 * ordered[len(ordered) // 2]:.2f} ms, 99 % within {1000 * ordered[int(0.99 * len(ordered))]:.2f} ms"
    if not heard:
        note(f"{count:,} frames in {total:.2f} s: a label takes {each}")
        return
    note(
        f"{count:,} labels of {heard:.2f} s of sound in {total:.2f} s: real-time factor {total / heard:.3f}; latency: "
        f"{1000 * waits:g} ms of sound, and {each}, to compute"
    )


def _pcm(sample_format: str, channels: int, rate: int, seconds: float) -> Iterator[np.ndarray[Any, Any]]:
    """Standard input, as it comes, in pieces of a frame's hop at most."""
    from recurra.data.sound.pcm import PcmReader

    reader = PcmReader(sample_format, channels)
    size = max(1, round(rate * seconds)) * reader.width
    while content := sys.stdin.buffer.read1(size):  # type: ignore[union-attr]
        samples = reader.push(content)
        if len(samples):
            yield samples


def _rows(where: str, model: Any) -> Iterator[list[float]]:
    """The rows of a CSV with a header, as they come. Errors: DataError with the line"""
    from recurra.data.series.numbers import numbers

    name = "standard input" if where == "-" else where
    try:
        file = sys.stdin.buffer if where == "-" else open(where, "rb")  # noqa: SIM115
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=where) from error
    names = model.preprocessor.channels
    with nullcontext(file) if where == "-" else file:
        indices: list[int] | None = None
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise DataError("this line is not utf-8", file=name, line=number) from None
            cells = next(csv.reader(io.StringIO(text)), [])
            if not cells:
                continue
            if indices is None:
                missing = [channel for channel in names if channel not in (cell.strip() for cell in cells)]
                if missing:
                    raise DataError(
                        f"the header has no column {missing[0]!r}; there are {listed(cells, 8)}",
                        remedy="the first line names the channels that the model was trained on",
                        file=name,
                        line=1,
                    )
                indices = [[cell.strip() for cell in cells].index(channel) for channel in names]
                continue
            if len(cells) <= max(indices):
                raise DataError(f"this row has {len(cells)} cells, the header more", file=name, line=number)
            row = [cells[place] for place in indices]
            yield [
                float(numbers([cell], column=channel, path=Path(name), lines=[number])[0])
                for cell, channel in zip(row, names, strict=True)
            ]
