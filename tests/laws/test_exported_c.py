"""The C of every cell says what the network says, and is clean C99 and C++."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.export.answers import allowed, own_rounding, said
from recurra.export.c.programs import check_program
from recurra.export.c.proof import Heard, compiler, stored
from recurra.export.layer_steps import Floats
from recurra.export.quantised import with_bytes
from recurra.export.streamed import streamed
from recurra.layers.stack import Stack
from recurra.tasks.outgoing import Asked
from tests.export.compiled import STRICT, compile_c, needs_compiler, run_c, sources, write
from tests.laws.cells_for_tests import CELLS, normalised

pytestmark = needs_compiler
MORE: dict[str, dict[str, Any]] = {
    "projection": {"cell": "lstm-projected", "proj_size": 3},
    "heads": {"cell": "lstm", "heads": 2},
    "rank": {"cell": "gru", "rank": 3},
    "zoneout": {"cell": "lstm", "zoneout": 0.1, "zoneout_cell": 0.3},
    "no_bias": {"cell": "gru", "bias": False},
    "learned": {"cell": "lstm", "learned_state": True},
}
LIMIT = 1e-5


BYTES = ("lstm", "gru", "heads", "projection", "lstm_layernorm")
"""Whose weights are tried as int8 too."""


def _drawn(given: dict[str, Any]) -> Stack:
    torch.manual_seed(0)
    stack = Stack(3, 6, 2, **given).eval()
    for name, weight in stack.named_parameters():
        if name.startswith("initial_"):
            torch.nn.init.normal_(weight)
        elif stack.cell is normalised and weight.dim() == 2:  # so that nothing is divided by next to nothing
            torch.nn.init.normal_(weight, std=0.5)
    return stack


@pytest.fixture(scope="module")
def stacks() -> dict[str, Stack]:
    given = {cell.name.replace("-", "_"): {"cell": cell} for cell in CELLS} | MORE
    return {name: _drawn(each) for name, each in given.items()}


def _frames(steps: int) -> Floats:
    found: Floats = np.random.default_rng(steps).standard_normal((steps, 3)).astype(np.float32)
    return found


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_c_of_every_cell_is_the_network(stacks: dict[str, Stack], precision: Any, tmp_path: Path) -> None:
    tried = stacks if precision == "float32" else {name: stacks[name] for name in BYTES}
    models = {name: streamed(stack) for name, stack in tried.items()}
    library = compile_c(sources(models, precision), tmp_path)
    for name, stack in tried.items():
        answering = with_bytes(stack) if precision == "int8" else stack
        for steps in (1, 7, 50):
            asked = Asked(_frames(steps))
            found = run_c(library, name, models[name], asked)
            np.testing.assert_allclose(found, said(answering, asked), rtol=0, atol=LIMIT, err_msg=f"{name}, {steps}")


def test_it_is_clean_cpp_too_and_calls_no_library(stacks: dict[str, Stack], tmp_path: Path) -> None:
    files = write(sources({name: streamed(stack) for name, stack in stacks.items()}), tmp_path)
    for file in files:
        included = {line for line in (tmp_path / file).read_text().splitlines() if line.startswith("#include <")}
        assert included == {"#include <stdint.h>"}
    if (cpp := shutil.which("g++") or shutil.which("clang++")) is None:
        pytest.skip("there is no C++ compiler")
    everything = "".join(f'#include "{file}"\n' for file in files)
    command = [cpp, "-x", "c++", "-std=c++11", *STRICT, "-fsyntax-only", "-"]
    subprocess.run(command, cwd=tmp_path, input=everything, text=True, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru", "slstm", "lstm-layernorm", "rg-lru"])
def test_a_million_steps_stay_equal_under_sanitizers(cell: str, tmp_path: Path) -> None:
    stack, steps = _drawn({"cell": cell}), 1_000_000
    x = _frames(steps)
    program = _checker(stack, x, tmp_path, ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g"])
    found = subprocess.run([program, "check.bin"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert _difference(found.stdout) <= allowed(1.0, own_rounding(stack, [Asked(x)]))
    assert not found.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("machine", "command"), [("arm-linux-gnueabihf-gcc", "qemu-arm"), ("riscv64-linux-gnu-gcc", "qemu-riscv64")]
)
@pytest.mark.parametrize("cell", ["lstm", "gru", "slstm", "lstm-layernorm", "rg-lru"])
def test_it_says_the_same_on_other_machines(cell: str, machine: str, command: str, tmp_path: Path) -> None:
    if shutil.which(machine) is None or shutil.which(command) is None:
        pytest.skip(f"{machine} and {command} are not installed")
    stack, x = _drawn({"cell": cell}), _frames(3000)
    program = _checker(stack, x, tmp_path, ["-static", "-O2"], machine)
    found = subprocess.run([command, program, "check.bin"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert _difference(found.stdout) <= allowed(1.0, own_rounding(stack, [Asked(x)]))


def _difference(shown: str) -> float:
    return float(shown.split("difference ")[1].split(",")[0])


def _checker(stack: Stack, x: Floats, folder: Path, flags: list[str], machine: str | None = None) -> str:
    model, asked = streamed(stack), Asked(x)
    (found,) = sources({"net": model})
    write([found], folder)
    (folder / "check.c").write_text(check_program(model, "net"))
    (folder / "check.bin").write_bytes(
        stored([Heard(x, said(stack, asked))], each_step=True, own=own_rounding(stack, [Asked(x)]))
    )
    command = [machine or str(compiler()), "-std=c99", *STRICT, *flags, "-o", "check", "check.c", "net.c"]
    subprocess.run(command, cwd=folder, check=True)
    return str(folder / "check")
