"""Whether generated C says what the network says: compiled and run here, before any file stays."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.errors import RecurraError
from recurra.export.answers import allowed
from recurra.export.layer_steps import Floats

COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-O3", "-ffp-contract=fast", "-std=c99", "-Wall", "-Wextra", "-Werror")
"""Of an export's Makefile. -std=c99 alone would forbid GCC to multiply and add in one instruction."""
NATIVE = "-march=native"


@dataclass(frozen=True)
class Heard:
    """A sequence and what the network says of it.

    Shapes: inputs int [T], or [T, I]; values int [A], of a condition, or None; said [T, C], or [1, C] of all of it
    """

    inputs: npt.NDArray[np.int64] | Floats
    said: Floats
    values: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Proof:
    """outputs: that were compared; difference, largest: the largest difference, the largest number; compiler: None
    where there was none, and nothing was compared
    """

    outputs: int
    difference: float
    largest: float
    compiler: str | None


def stored(heard: Sequence[Heard], *, each_step: bool, delay: int = 0, own: float = 0.0) -> bytes:
    """What the program `check` reads: whole numbers and floats of 4 bytes, the lowest first, each expected output
    behind the input after which it is said. own: see `answers.own_rounding`
    """
    largest = max((float(np.abs(one.said).max()) for one in heard), default=0.0)
    parts = [struct.pack("<iif", len(heard), each_step, allowed(largest, own))]
    for one in heard:
        parts.append(struct.pack("<i", len(one.inputs)))
        if one.values is not None:
            parts.append(one.values.astype("<i4").tobytes())
        rows = one.inputs.astype("<f4" if one.inputs.ndim == 2 else "<i4")
        said = one.said.astype("<f4")
        waits = delay if each_step else len(rows) - 1
        for step, row in enumerate(rows):
            parts.append(row.tobytes())
            if step >= waits:
                parts.append(said[step - waits].tobytes())
        parts += [each.tobytes() for each in said[max(len(rows) - waits, 0) :]] if each_step else []
    return b"".join(parts)


def compiler() -> str | None:
    """A C compiler of this machine."""
    return next(
        (found for name in (os.environ.get("CC", ""), *COMPILERS) if name and (found := shutil.which(name))), None
    )


def own_flags(command: str) -> tuple[str, ...]:
    """What an export's Makefile compiles with on this machine."""
    asked = [command, NATIVE, "-E", "-x", "c", os.devnull]
    known = subprocess.run(asked, capture_output=True, check=False).returncode == 0
    return (*FLAGS, NATIVE) if known else FLAGS


def prove(folder: Path, name: str) -> Proof:
    """Compile and run the checker of a folder. Errors: RecurraError if it does not compile, or says something else"""
    found = compiler()
    if found is None:
        return Proof(0, 0.0, 0.0, None)
    with tempfile.TemporaryDirectory() as place:
        program = Path(place) / "check"
        command = [found, *own_flags(found), "-o", str(program), "check.c", f"{name}.c"]
        built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if built.returncode:
            raise RecurraError(f"the generated C does not compile; nothing was written\n{built.stderr[:2000]}")
        run = subprocess.run([str(program), "check.bin"], cwd=folder, capture_output=True, text=True, check=False)
    numbers = re.match(r"(\d+) outputs of \d+ numbers: largest difference (\S+), largest number (\S+)", run.stdout)
    if run.returncode or numbers is None:
        raise RecurraError(
            f"the generated C does not say what the network says; nothing was written\n{run.stdout}{run.stderr}"
        )
    return Proof(int(numbers[1]), float(numbers[2]), float(numbers[3]), found)
