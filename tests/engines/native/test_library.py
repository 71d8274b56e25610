"""The compiled libraries: that they are found, that they fit this machine, and what is said where they do not."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from recurra.engines.native import library
from recurra.errors import EngineError, UnknownNameError

INCLUDE = Path(__file__).resolve().parents[3] / "native" / "include"
HEADER = "\n".join(path.read_text(encoding="utf-8") for path in sorted(INCLUDE.glob("*.h")))
C_TYPES = {"double": ctypes.c_double, "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64}


@pytest.fixture
def without_settings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("RECURRA_NATIVE", raising=False)
    library.read_environment_again()
    return monkeypatch


# the mirror of the header


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


@pytest.mark.parametrize(
    ("name", "mirror"),
    [
        ("call", library.Call),
        ("scoring", library.ScoringCall),
        ("readout", library.ReadoutCall),
        ("dropping", library.DroppingCall),
        ("writing", library.WritingCall),
        ("paths", library.PathsCall),
        ("tagging", library.TaggingCall),
    ],
)
def test_the_structures_are_the_headers(name: str, mirror: type[ctypes.Structure]) -> None:
    whole = rf"typedef struct recurra_{name} \{{(.*?)\}} recurra_{name};"
    body = re.search(whole, without_comments(HEADER), re.S)[1]
    fields = []
    for declaration in filter(None, map(str.strip, body.split(";"))):
        base, names = re.fullmatch(r"(?:const )?(\w+)(.*)", declaration, re.S).groups()
        for name in names.split(","):
            star, plain, size = re.fullmatch(r"\s*(\*?(?: const\*)?)\s*(\w+)(?:\[(\w+)\])?\s*", name).groups()
            kind = ctypes.c_void_p if star else C_TYPES[base]
            fields.append((plain, kind * getattr(library, size.removeprefix("RECURRA_")) if size else kind))
    assert fields == list(mirror._fields_)


def test_the_constants_are_the_headers() -> None:
    text = without_comments(HEADER)
    pairs = re.findall(r"RECURRA_(\w+) = (\d+)", text) + re.findall(r"#define RECURRA_(\w+) (\d+)\b", text)
    numbers = {name: int(value) for name, value in pairs}
    named = (
        "ABI F32 F64 AS_STORED BF16 OK BAD_CODE BAD_CALL NO_MEMORY BAD_LENGTHS BAD_TOKENS SHORT_MEMORY FOREIGN_MEMORY"
    )
    for name in f"{named} OTHER_MEMORY MAX_STATES MAX_VECTORS".split():
        assert getattr(library, name) == numbers[name], name


def test_every_function_is_declared() -> None:
    declared = re.findall(r"(recurra_\w+)\(([^;]*)\);", without_comments(HEADER))
    assert {name for name, _ in declared} == library.FUNCTIONS.keys()
    for name, arguments in declared:
        count = 0 if arguments == "void" else arguments.count(",") + 1
        assert len(library.FUNCTIONS[name][1]) == count, name


# what is there


def test_libraries_are_here(without_settings: pytest.MonkeyPatch) -> None:
    """Without them half of the suite would test nothing."""
    assert library.why_missing() is None
    assert "portable" in library.built()


def test_the_best_is_loaded(without_settings: pytest.MonkeyPatch) -> None:
    found = library.load()
    assert found.variant == library.variants()[0]
    assert library.load() is found


def test_variants_are_those_that_the_processor_reports() -> None:
    report = Path("/proc/cpuinfo")
    if not report.exists():
        pytest.skip("only Linux lists the processor's flags")
    flags = set(re.findall(r"^flags\s*: (.*)$", report.read_text(encoding="utf-8"), re.M)[0].split())
    needs = {
        "portable": set(),
        "avx2": {"avx2", "fma"},
        "avx512": {"avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"},
        "avx512bf16": {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_bf16"},
        "amx": {"avx512f", "avx512_bf16", "amx_tile", "amx_bf16"},
    }
    assert library.variants() == [name for name in library.built() if needs[name] <= flags]


@pytest.mark.parametrize("name", library.VARIANTS)
def test_every_variant_is_itself(name: str) -> None:
    if name not in library.variants():
        with pytest.raises(EngineError, match=f"variant {name!r} .*there are: .*portable"):
            library.open_variant(name)
        return
    found = library.open_variant(name)
    assert found.variant == name
    assert found.bf16_in_hardware == (name in {"amx", "avx512bf16"})


def test_torch_and_the_core_have_one_openmp() -> None:
    """Of a process that has nothing else in it: other packages may bring an OpenMP of their own."""
    if not sys.platform.startswith("linux") or not torch.backends.openmp.is_available():
        pytest.skip("torch has no OpenMP of GNU's kind here")
    code = (
        "import torch; from recurra.engines.native import library;"
        "assert library.open_variant('portable').shared_threads; print(open('/proc/self/maps').read())"
    )
    maps = subprocess.run([sys.executable, "-c", code], check=True, env=os.environ, capture_output=True, text=True)
    mapped = {line.split()[-1] for line in maps.stdout.splitlines() if line}
    assert any("_native_portable" in path for path in mapped)
    assert len([path for path in mapped if re.search(r"lib(gomp|omp|iomp5)\b[^/]*$", path)]) == 1


# settings and what can be wrong


@pytest.mark.parametrize("name", library.VARIANTS)
def test_a_variant_can_be_forced(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_NATIVE", name)
    library.read_environment_again()
    if name in library.variants():
        assert library.load().variant == name
        assert library.why_missing() is None
    else:
        for call in (library.load, library.why_missing):
            with pytest.raises(EngineError, match="cannot run it"):
                call()


def test_off_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_NATIVE", "off")
    library.read_environment_again()
    assert library.why_missing() == "RECURRA_NATIVE=off"
    with pytest.raises(EngineError, match="RECURRA_NATIVE=off"):
        library.load()


def test_an_unknown_variant_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_NATIVE", "avx")
    library.read_environment_again()
    with pytest.raises(UnknownNameError, match=r"'avx'; did you mean 'avx\d+'"):
        library.why_missing()
    with pytest.raises(UnknownNameError, match="unknown variant"):
        library.open_variant("sse")


def test_a_package_without_libraries_says_so(without_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_settings.setenv("RECURRA_NATIVE_DIR", str(tmp_path))
    library.read_environment_again()
    assert re.search(re.escape(str(tmp_path)) + r".* C\+\+20 compiler; install one", library.why_missing() or "")
    assert library.variants() == []
    with pytest.raises(EngineError, match="compiler"):
        library.load()
    with pytest.raises(EngineError, match=r"not in .*there are: none"):
        library.open_variant("avx2")


def test_a_broken_library_says_so(without_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "_native_portable.so").write_bytes(b"no library")
    without_settings.setenv("RECURRA_NATIVE_DIR", str(tmp_path))
    library.read_environment_again()
    with pytest.warns(RuntimeWarning, match="does not load.*until then layers run without it, which is slower"):
        library.why_missing()
    assert re.search(r"does not load: .*_native_portable\.so.*install Recurra again", library.why_missing() or "")


def test_a_library_of_another_version_says_so(without_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in library.built():
        shutil.copy(library.folder() / f"_native_{name}.so", tmp_path)
    without_settings.setenv("RECURRA_NATIVE_DIR", str(tmp_path))
    library.read_environment_again()
    without_settings.setattr(library, "ABI", library.ABI + 1)
    with pytest.warns(RuntimeWarning, match="another version of Recurra.*until then layers run without it"):
        library.why_missing()
    library.read_environment_again()  # said once
    assert re.search(rf"interface {library.ABI - 1}, needed {library.ABI}", library.why_missing() or "")


def test_importing_loads_neither_torch_nor_a_library() -> None:
    code = (
        "import sys; import recurra.engines.native.library; assert 'torch' not in sys.modules;"
        "assert '_native_' not in open('/proc/self/maps').read()"
        if Path("/proc/self/maps").exists()
        else "import sys; import recurra.engines.native.library; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
