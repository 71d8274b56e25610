"""A trained network as a folder of C that was compiled and compared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from recurra.errors import UsageError
from recurra.export.answers import own_rounding, said
from recurra.export.c.arrays import Precision
from recurra.export.c.programs import check_program, example_program, makefile
from recurra.export.c.proof import Heard, Proof, prove, stored
from recurra.export.c.source import Source, source
from recurra.export.quantised import with_bytes
from recurra.export.streamed import Streamed
from recurra.tasks.outgoing import Asked

MOST_NUMBERS = 250_000
"""Expected outputs that are kept beside a source: a megabyte."""
NOT_NAMES = frozenset(("main", "check", "checker"))


def c_name(name: str) -> str:
    """A name for files and functions of C: lower case, digits and underscores. Errors: UsageError if nothing is left"""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not plain:
        raise UsageError(f"no name of C can be made of {name!r:.60}; give --out a name with letters")
    plain = f"net_{plain}" if plain[0].isdigit() else plain
    return f"{plain}_net" if plain in NOT_NAMES or ("_" not in plain and len(plain) < 3) else plain


def write_c(
    place: Path,
    name: str,
    model: Streamed,
    network: nn.Module,
    asked: Sequence[Asked],
    *,
    preprocessor: Any = None,
    precision: Precision = "float32",
    about: str = "",
) -> tuple[Source, Proof]:
    """Write header, source, example, checker, its inputs and a Makefile into a folder, and run the checker.

    Errors: RecurraError if the C does not compile or says something else than the network
    """
    found = source(model, name, precision=precision, about=about)
    answering = with_bytes(network) if precision == "int8" else network
    each_step = model.pooling is None
    heard, numbers = list[Heard](), 0
    for one in asked:
        answer = said(answering, one, preprocessor)
        heard.append(Heard(one.inputs, answer, one.values))
        numbers += answer.size
        if numbers > MOST_NUMBERS:
            break
    own = own_rounding(answering, asked[: len(heard)], preprocessor)
    files = {
        f"{name}.h": found.header,
        f"{name}.c": found.code,
        "main.c": example_program(model, name),
        "check.c": check_program(model, name),
        "Makefile": makefile(name),
    }
    for file, text in files.items():
        (place / file).write_text(text, encoding="utf-8")
    (place / "check.bin").write_bytes(stored(heard, each_step=each_step, delay=model.delay, own=own))
    return found, prove(place, name)
