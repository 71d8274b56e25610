"""The core in the eyes of Clang, which compiles it on macOS, and for ARM: syntax and types, nothing is run.

What stays unproven here: macOS' own headers and linker. Windows has no native engine: its build ends with a message.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).resolve().parents[3] / "native"
WIDE = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mavx512bf16"]
TARGETS = {
    "x86-64": (16, []),
    "x86-64 with AVX2": (32, ["-mavx2", "-mfma"]),
    "x86-64 with AMX": (64, [*WIDE, "-mamx-tile", "-mamx-bf16"]),
    "x86-64 without what only Linux has": (16, ["-U__linux__"]),
    "ARM": (16, ["--target=aarch64-linux-gnu"]),
}
ARM_HEADERS = Path("/usr/aarch64-linux-gnu/include")
"""Of Debian's packages libc6-dev-arm64-cross and libstdc++-12-dev-arm64-cross."""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("clang++") is None, reason="there is no clang++; on Debian the package clang")
@pytest.mark.parametrize("target", TARGETS)
def test_clang_takes_the_core(target: str) -> None:
    if target == "ARM" and not ARM_HEADERS.is_dir():
        pytest.skip(f"there are no headers for ARM in {ARM_HEADERS}")
    width, flags = TARGETS[target]
    fixed = ["-std=c++20", "-fsyntax-only", f"-DRECURRA_VECTOR_BYTES={width}", '-DRECURRA_VARIANT="portable"']
    folders = [f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}"]
    sources = sorted((NATIVE / "src").glob("*.cpp"))
    assert len(sources) > 5
    done = subprocess.run(
        [
            "clang++",
            *fixed,
            *flags,
            *folders,
            "-Wall",
            "-Wextra",
            "-Wno-for-loop-analysis",
            "-Werror",
            *map(str, sources),
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:4000]
