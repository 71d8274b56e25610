"""Exported C as a library of this process: many networks, compiled at once."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.export.c.arrays import Precision
from recurra.export.c.proof import compiler
from recurra.export.c.source import Source, source
from recurra.export.streamed import Streamed
from recurra.tasks.outgoing import Asked

needs_compiler = pytest.mark.skipif(compiler() is None, reason="there is no C compiler")
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]


def sources(models: Mapping[str, Streamed], precision: Precision = "float32") -> list[Source]:
    return [source(model, name, precision=precision) for name, model in models.items()]


def write(found: list[Source], folder: Path) -> list[str]:
    for one in found:
        (folder / f"{one.name}.h").write_text(one.header, encoding="utf-8")
        (folder / f"{one.name}.c").write_text(one.code, encoding="utf-8")
    return [f"{one.name}.c" for one in found]


def compile_c(found: list[Source], folder: Path, *flags: str) -> ctypes.CDLL:
    """All of them in one library, without optimising, which takes seconds."""
    files = write(found, folder)
    (folder / "all.c").write_text("".join(f'#include "{file}"\n' for file in files))
    command = [str(compiler()), "-std=c99", "-O0", *STRICT, *flags, "-shared", "-fPIC", "-o", "all.so", "all.c"]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "all.so"))


def run_c(library: ctypes.CDLL, name: str, model: Streamed, asked: Asked) -> Any:
    """What the C says of a sequence: [T, C], or [1, C] of all of it."""
    state = (ctypes.c_char * 1_000_000)()
    y = (ctypes.c_float * model.outputs)()
    functions = {what: getattr(library, f"{name}_{what}") for what in ("init", "reset", "step")}
    functions["init"](state)
    functions["reset"](state)
    if asked.values is not None:
        values = (ctypes.c_int * len(asked.values))(*asked.values.tolist())
        getattr(library, f"{name}_begin")(state, values)
    found = []
    for row in asked.inputs:
        given = ctypes.c_int(int(row)) if model.table is not None else (ctypes.c_float * len(row))(*row.tolist())
        if functions["step"](state, given, y):
            found.append(list(y))
    while model.delay and getattr(library, f"{name}_end")(state, y):
        found.append(list(y))
    return np.array(found if model.pooling is None else found[-1:], np.float32)
