"""`recurra bench`"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recurra.cli.output import json_text, write, write_table
from recurra.errors import RecurraError

if TYPE_CHECKING:
    from recurra.bench.cases import Case
    from recurra.bench.record import Document

KINDS = "training, inference, ragged, stream, cells, gallery, linear, accuracy, step or all"


def bench(
    context: typer.Context,
    kind: Annotated[
        str, typer.Option(metavar="NAME,...", help=f"{KINDS} [training,inference]", show_default=False)
    ] = "training,inference",
    step: Annotated[bool, typer.Option("--step", help="the whole training step, as --kind step")] = False,
    cells: Annotated[
        str | None, typer.Option(metavar="CELL,...", help="only these cells; if not given, all of the kind")
    ] = None,
    shapes: Annotated[
        str | None, typer.Option(metavar="TxBxIxH,...", help="time, batch, input and hidden size, as in 100x32x128x128")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="NAME", help="float32, bfloat16 or int8; if not given, the kind's usual one")
    ] = None,
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="Recurra's engine: auto or an engine's name [auto]")
    ] = "auto",
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=1024, help="threads of both sides; torch's own number if not given"),
    ] = None,
    repeats: Annotated[int, typer.Option(metavar="N", min=7, help="samples of each side; the median is reported")] = 7,
    json: Annotated[
        str | None, typer.Option(metavar="FILE", help="write one JSON document; `-`: to stdout instead of tables")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, only errors")] = False,
) -> None:
    """Measure our layers beside torch.nn on this machine.

    And beside Keras and ONNX Runtime where they are installed. Results are compared first; a ratio is the peer's time
    over Recurra's. It wants an idle machine.

    \b
    recurra bench                      every usual shape, training and inference
    recurra bench --kind ragged,cells  unequal lengths, cells that torch has not
    recurra bench --step               a whole training step and its parts
    recurra bench --shapes 50x16x64x64 --cells gru --threads 1
    """
    import torch

    from recurra.bench.cases import plan, shape
    from recurra.bench.record import Request
    from recurra.bench.run import check, run

    kinds = ["step"] if step else _listed(kind)
    cases = plan(
        kinds,
        cells=None if cells is None else _listed(cells),
        shapes=None if shapes is None else [shape(text) for text in _listed(shapes)],
        precision=precision,
    )
    asked = Request(engine, threads or torch.get_num_threads(), repeats)
    check(asked)
    command = shlex.join(["recurra", *context.obj["arguments"]])
    document = run(cases, asked, command=command, progress=None if quiet else _print_case)
    if json == "-":
        write(json_text(document.to_json()))
    else:
        _print(document)
        if json is not None:
            Path(json).write_text(json_text(document.to_json()), encoding="utf-8")
    if document.differing:
        raise RecurraError(f"{len(document.differing)} results differ from the peer's; no ratio is given for them")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _print_case(case: Case) -> None:
    sys.stderr.write(f"{case.kind}: {case.cell} {case.title}, {case.precision}\n")
    sys.stderr.flush()


def _print(document: Document) -> None:
    from recurra.bench.table import footer, tables

    for table in tables(document.rows):
        write(f"{table.title}\n")
        write_table([table.head, *table.rows], right=table.right)
        write("\n")
    write("".join(f"{line}\n" for line in footer(document)))
