"""The compiled core: which library fits this machine, and its C functions (native/include/recurra.h).

RECURRA_NATIVE=portable, avx2, avx512, avx512bf16 or amx takes that variant instead of the best one; off takes none.
wide and tiled, where a checkout has built them for its tests, do on any machine what avx512 and amx do on theirs.
RECURRA_NATIVE_DIR names another folder with libraries than this one.
"""

from __future__ import annotations

import ctypes
import os
import sys
import warnings
from ctypes import POINTER, c_char_p, c_double, c_int, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from recurra.engines.native import forking
from recurra.engines.native.structures import MAX_GIVEN as MAX_GIVEN
from recurra.engines.native.structures import MAX_STATES as MAX_STATES
from recurra.engines.native.structures import MAX_VECTORS as MAX_VECTORS
from recurra.engines.native.structures import Call as Call
from recurra.engines.native.structures import DroppingCall as DroppingCall
from recurra.engines.native.structures import PathsCall as PathsCall
from recurra.engines.native.structures import ReadoutCall as ReadoutCall
from recurra.engines.native.structures import ScoringCall as ScoringCall
from recurra.engines.native.structures import TaggingCall as TaggingCall
from recurra.engines.native.structures import WritingCall as WritingCall
from recurra.errors import EngineError, UnknownNameError

ABI = 13
F32, F64 = 0, 1
AS_STORED, BF16, INT8 = 0, 1, 2
OK, BAD_CODE, BAD_CALL, NO_MEMORY = 0, 1, 2, 3
BAD_LENGTHS, BAD_TOKENS, SHORT_MEMORY, FOREIGN_MEMORY, OTHER_MEMORY = 4, 5, 6, 7, 8

VARIANTS = ("amx", "avx512bf16", "avx512", "avx2", "portable")
"""Best first."""

EMULATED = ("wide", "tiled")
"""For tests: the vectors and blocks of avx512 and of amx on any machine, slowly. Never taken unless asked for."""


FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "recurra_program_new": (
        c_void_p,
        (POINTER(c_int32), c_int64, POINTER(c_int32), c_int64, POINTER(c_double), c_int64),
    ),
    "recurra_program_free": (None, (c_void_p,)),
    "recurra_memory": (c_int64, (c_void_p, POINTER(Call))),
    "recurra_forward": (c_int, (c_void_p, POINTER(Call))),
    "recurra_backward": (c_int, (c_void_p, POINTER(Call))),
    "recurra_forward_both": (c_int, (c_void_p, POINTER(Call), POINTER(Call))),
    "recurra_backward_both": (c_int, (c_void_p, POINTER(Call), POINTER(Call))),
    "recurra_packed_new": (c_void_p, (c_void_p, POINTER(Call))),
    "recurra_packed_free": (None, (c_void_p,)),
    "recurra_stream_new": (c_void_p, (c_void_p, POINTER(Call))),
    "recurra_stream_free": (None, (c_void_p,)),
    "recurra_stream_step": (c_int, (c_void_p, c_void_p, c_void_p)),
    "recurra_stream_state": (c_int, (c_void_p, POINTER(c_void_p), c_int)),
    "recurra_writer_new": (c_void_p, (POINTER(WritingCall),)),
    "recurra_writer_free": (None, (c_void_p,)),
    "recurra_writer_write": (c_int, (c_void_p, c_int64, c_void_p, c_int64, c_void_p, POINTER(c_int64), c_void_p)),
    "recurra_paths_memory": (c_int64, (POINTER(PathsCall),)),
    "recurra_paths_forward": (c_int, (POINTER(PathsCall),)),
    "recurra_paths_backward": (c_int, (POINTER(PathsCall),)),
    "recurra_dropout": (c_int, (POINTER(DroppingCall),)),
    "recurra_readout_memory": (c_int64, (POINTER(ReadoutCall),)),
    "recurra_readout_forward": (c_int, (POINTER(ReadoutCall),)),
    "recurra_readout_backward": (c_int, (POINTER(ReadoutCall),)),
    "recurra_tagging_memory": (c_int64, (POINTER(TaggingCall),)),
    "recurra_tagging_forward": (c_int, (POINTER(TaggingCall),)),
    "recurra_tagging_backward": (c_int, (POINTER(TaggingCall),)),
    "recurra_additive_scores": (c_int, (POINTER(ScoringCall),)),
    "recurra_additive_gradients": (c_int, (POINTER(ScoringCall),)),
    "recurra_buffer": (c_void_p, (c_int64,)),
    "recurra_fill_nan": (None, (c_int,)),
    "recurra_pool_limit": (None, (c_int64,)),
    "recurra_threads": (None, (c_void_p, c_void_p, c_void_p)),
    "recurra_processors": (c_int32, (c_char_p,)),
    "recurra_threads_as_asked": (None, (c_int,)),
    "recurra_variant": (c_char_p, ()),
    "recurra_machine": (c_char_p, ()),
    "recurra_abi": (c_int32, ()),
    "recurra_bf16_in_hardware": (c_int32, ()),
    "recurra_int8_in_hardware": (c_int32, ()),
    "recurra_map": (c_int, (c_int32, c_int32, c_void_p, c_void_p, c_int64)),
    "recurra_product": (
        c_int,
        (c_int32, c_int32, c_int32, c_int64, c_int64, c_int64, c_void_p, c_void_p, c_void_p),
    ),
}
"""What each C function returns and takes."""


@dataclass(frozen=True)
class Library:
    """A loaded variant.

    c: its functions; bf16_in_hardware, int8_in_hardware: whether its products of bfloat16, and of 8 bits, are the
    processor's own; shared_threads: whether it runs on torch's threads, and otherwise starts its own for each call.
    """

    variant: str
    path: Path
    c: ctypes.CDLL
    bf16_in_hardware: bool
    int8_in_hardware: bool
    shared_threads: bool


def folder() -> Path:
    """Where the libraries are."""
    return Path(os.environ.get("RECURRA_NATIVE_DIR") or Path(__file__).parent)


def built() -> list[str]:
    """The variants that lie in the folder, best first, whether this machine can run them or not."""
    return [name for name in VARIANTS if _path(name).is_file()]


def variants() -> list[str]:
    """The variants that are built and that this machine can run, best first.

    Errors: EngineError if there are libraries that cannot be loaded
    """
    here = built()
    machine = _machine(_path("portable")) if here else ()
    return [name for name in here if name in machine]


def emulated() -> list[str]:
    """The variants for tests that are built."""
    return [name for name in EMULATED if _path(name).is_file()] if built() else []


def why_missing() -> str | None:
    """None if `load` will give a library, otherwise what is missing and what to do.

    Errors: EngineError, UnknownNameError if RECURRA_NATIVE names a variant that is not to be had
    """
    found = _chosen(_has_torch())
    return found if isinstance(found, str) else None


def load() -> Library:
    """The best library that this machine can run, or the one that RECURRA_NATIVE names.

    Errors: EngineError if there is none; UnknownNameError for a variant that does not exist
    """
    found = _chosen(_has_torch())
    if isinstance(found, str):
        raise EngineError(found)
    return found


def open_variant(name: str) -> Library:
    """This variant, loaded once; several can be loaded beside each other.

    Errors: EngineError if it is not built, does not load or is too much for this machine; UnknownNameError
    """
    if name not in (*VARIANTS, *EMULATED):
        raise UnknownNameError("variant of the native engine", name, (*VARIANTS, *EMULATED))
    has = variants() + emulated()
    if name not in has:
        why = "this machine cannot run it" if name in built() else f"it is not in {folder()}"
        raise EngineError(f"variant {name!r} of the native engine: {why}; there are: {', '.join(has) or 'none'}")
    return _opened(_path(name), _has_torch())


class BrokenLibraryError(EngineError):
    """A library that is there but cannot be used."""


def _has_torch() -> bool:
    """Whether torch is imported, on whose threads the core runs then; recurra.runtime runs without it."""
    return "torch" in sys.modules


@cache
def _chosen(with_torch: bool) -> Library | str:
    return _choose(os.environ.get("RECURRA_NATIVE"), os.environ.get("RECURRA_NATIVE_DIR"), with_torch)


def read_environment_again() -> None:
    """The environment (RECURRA_NATIVE, RECURRA_NATIVE_DIR) is read once; this has it read again when next asked for."""
    _chosen.cache_clear()


@cache
def _choose(asked: str | None, _folder: str | None, _with_torch: bool) -> Library | str:
    """The library to use, or why there is none; remembered for each setting of the environment."""
    if asked == "off":
        return "RECURRA_NATIVE=off"
    if asked and asked not in (*VARIANTS, *EMULATED):
        raise UnknownNameError("value of RECURRA_NATIVE", asked, (*VARIANTS, *EMULATED, "off"))
    if not built():
        return (
            f"no compiled library is in {folder()}, for Recurra was installed without a C++20 compiler; install one "
            "(g++) and then Recurra again, or in a checkout: make native"
        )
    try:
        return open_variant(asked or variants()[0])
    except BrokenLibraryError as error:  # somebody built it and takes it for what runs
        warnings.warn(f"{error}; until then layers run without it, which is slower", RuntimeWarning, stacklevel=4)
        return str(error)


def _path(name: str) -> Path:
    return folder() / f"_native_{name}.so"


@cache
def _functions(path: Path) -> ctypes.CDLL:
    try:
        c = ctypes.CDLL(str(path), mode=os.RTLD_LOCAL | os.RTLD_NOW)
    except OSError as error:
        raise BrokenLibraryError(f"a compiled library does not load: {error}; install Recurra again") from error
    if (found := c.recurra_abi()) != ABI:
        raise BrokenLibraryError(
            f"{path} was built for another version of Recurra (interface {found}, needed {ABI}); install Recurra "
            "again, or in a checkout: make native"
        )
    for function, (result, arguments) in FUNCTIONS.items():
        entry = getattr(c, function)
        entry.restype, entry.argtypes = result, arguments
    return c


@cache
def _machine(portable: Path) -> tuple[str, ...]:
    answer: bytes = _functions(portable).recurra_machine()
    return tuple(answer.decode().split(","))


_open: list[ctypes.CDLL] = []

POOL = 1 << 30
"""Bytes that each library may keep between calls."""


def empty_cache() -> None:
    """Give back the memory that the native engine keeps between calls, up to 1 GiB.

    What tensors still use stays theirs. Calls go on as before, the next ones a little slower.
    """
    for c in _open:
        c.recurra_pool_limit(0)
        c.recurra_pool_limit(POOL)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:  # glibc keeps what it is given back
        trim(0)


@cache
def _opened(path: Path, with_torch: bool) -> Library:
    c = _functions(path)
    threads = _openmp_of_torch() if with_torch and not forking.has_lost_threads() else None
    c.recurra_threads(*(threads or (None, None, None)))
    if c not in _open:
        forking.when_threads_are_lost(lambda: c.recurra_threads(None, None, None))
        _open.append(c)
    return Library(
        variant=c.recurra_variant().decode(),
        path=path,
        c=c,
        bf16_in_hardware=bool(c.recurra_bf16_in_hardware()),
        int8_in_hardware=bool(c.recurra_int8_in_hardware()),
        shared_threads=threads is not None,
    )


@cache
def _openmp_of_torch() -> tuple[int, ...] | None:
    """The addresses of GOMP_parallel, omp_get_thread_num and omp_get_num_threads in the OpenMP that torch runs on.

    They are looked up through torch's own module, whose dependencies hold that runtime: no second one is ever loaded.
    None if torch has another kind of OpenMP or none.
    """
    import torch

    module = ctypes.CDLL(torch._C.__file__, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    found = []
    for symbol in ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads"):
        if not hasattr(module, symbol):
            return None
        found.append(ctypes.cast(getattr(module, symbol), c_void_p).value or 0)
    return tuple(found)
