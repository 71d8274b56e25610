"""What installing from source makes, with a compiler and without."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def build(kind: str, folder: Path, **environment: str) -> Path:
    """What the build backend makes of this checkout: kind is "sdist" or "wheel"."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, scikit_build_core.build as b; b.build_{kind}(sys.argv[1])", str(folder)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.iterdir()
    return found


def test_without_a_compiler_the_rest_is_installed(tmp_path: Path) -> None:
    wheel = build("wheel", tmp_path, CXX=str(tmp_path / "no-compiler"))
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "recurra/engines/native/library.py" in names
    assert "recurra/data/datasets/registry.json" in names
    assert not [name for name in names if name.endswith(".so")], "libraries of the checkout got into the wheel"


def test_the_archive_of_the_source_has_what_is_tracked(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    assert set(listed) - names <= {".editorconfig"}
    assert {"native/CMakeLists.txt", "native/include/recurra.h", "pyproject.toml", "PKG-INFO"} <= names
    assert not [name for name in names if name.endswith((".so", ".pyc")) or name.startswith(("build/", ".venv/"))]


@pytest.mark.slow
def test_a_wheel_fits_every_python_of_its_platform(tmp_path: Path) -> None:
    wheel = build("wheel", tmp_path)
    name, _version, python, abi, platform = wheel.name.removesuffix(".whl").split("-")
    assert (name, python, abi) == ("recurra", "py3", "none")
    assert platform != "any"
    assert "recurra/engines/native/_native_portable.so" in zipfile.ZipFile(wheel).namelist()
