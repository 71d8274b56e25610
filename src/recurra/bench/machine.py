"""The machine: what it is, and what it can do."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from recurra.bench.arithmetic import COSTS, Whole
from recurra.bench.cases import Precision
from recurra.bench.roofline import Work
from recurra.bench.timing import FEWEST_REPEATS, interleaved
from recurra.engines.native import library
from recurra.engines.native.bytecode import OPERATIONS

SIDE = 2048
"""Of the square matrices whose product gives the matrix rate."""
SMALLEST = 256 * 1024
"""Bytes of the smallest buffer whose bandwidth is measured; below, the calls take longer than the memory."""
VECTOR = 1 << 15
"""Numbers that the native engine's functions are timed on: enough that a call costs nothing beside them, in L2."""
FUNCTIONS = ("sigmoid", "tanh", "exp")
FLAGS = (
    "sse4_2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512_bf16", "avx512_vnni", "amx_tile",
    "amx_bf16", "asimd", "bf16", "sve",
)  # fmt: skip
"""Of the CPU's features those that products run on."""
PACKAGES = ("recurra", "torch", "numpy", "keras", "jax", "onnxruntime")


@dataclass(frozen=True)
class Machine:
    """What a figure was measured on."""

    cpu: str
    cores: int
    flags: tuple[str, ...]
    system: str
    threads: int
    versions: dict[str, str]
    native: str | None


def describe(threads: int) -> Machine:
    """This machine, with versions of what is installed. native: what RECURRA_NATIVE asks for"""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    name, flags = _cpu()
    system = f"{platform.system()} {platform.machine()}"
    return Machine(name, _cores(), flags, system, threads, versions, os.environ.get("RECURRA_NATIVE"))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu() -> tuple[str, tuple[str, ...]]:
    """Name and flags, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine(), ()
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    there = set((fields.get("flags") or fields.get("Features") or "").split())
    return fields.get("model name") or platform.machine(), tuple(flag for flag in FLAGS if flag in there)


@dataclass
class Rates:
    """What the machine does at most, measured when first asked for, in the same run as what is held against it.

    flops: by precision, FLOP/s of a product of two 2048 x 2048 matrices by torch; float32's stands for bfloat16 where
    the CPU has no such products; bandwidth: by bytes of the weights, bytes/s with which memory of that size is read
    and written again and again, so from the cache that holds it; elementwise: operations/s of the native engine's own
    functions on all threads, see `arithmetic.COSTS`.
    """

    repeats: int = FEWEST_REPEATS
    side: int = SIDE
    flops: dict[Precision, float] = field(default_factory=dict)
    bandwidth: dict[int, float] = field(default_factory=dict)
    elementwise: float | None = None

    def matrix_rate(self, precision: Precision) -> float:
        if precision == "bfloat16" and not has_bfloat16():
            precision = "float32"
        if precision == "int8":
            return self.matrix_rate("float32") * (4 if _has_vnni() else 1)
        if precision not in self.flops:
            dtype = getattr(torch, precision)
            a, b = (torch.randn(self.side, self.side).to(dtype) for _ in range(2))
            out = torch.empty(self.side, self.side, dtype=dtype)
            (times,) = interleaved([lambda: torch.mm(a, b, out=out)], self.repeats)
            self.flops[precision] = 2 * self.side**3 / times.best
        return self.flops[precision]

    def bandwidth_at(self, size: int) -> float:
        """The best of a copy, read and written, of a product of a matrix and a vector and of two vectors, read; without
        the time that an empty call takes.

        torch gives little memory to one thread alone. Where a thread's part is no more than the smallest buffer, which
        its core's own cache holds, it is what one thread reads, times the threads.
        """
        size, threads = max(size, SMALLEST), torch.get_num_threads()
        if size not in self.bandwidth:
            small = size <= threads * SMALLEST
            torch.set_num_threads(1 if small else threads)
            try:
                self.bandwidth[size] = threads * self._read(SMALLEST) if small else self._read(size)
            finally:
                torch.set_num_threads(threads)
        return self.bandwidth[size]

    def _read(self, size: int) -> float:
        side = max(1, int((size / 4) ** 0.5))
        matrix, vector, product = torch.ones(side, side), torch.ones(side), torch.empty(side)
        source, target = torch.ones(size // 8), torch.empty(size // 8)  # together as large as the weights
        one, other = torch.ones(1), torch.empty(1)
        with torch.inference_mode():
            copy, read, both, empty = interleaved(
                [
                    lambda: target.copy_(source),
                    lambda: torch.mv(matrix, vector, out=product),
                    lambda: torch.dot(source, target),
                    lambda: other.copy_(one),
                ],
                self.repeats,
            )
        found = [
            moved / max(times.best - empty.best, 1e-9)
            for times, moved in ((copy, size), (read, 4 * side**2), (both, size))
        ]
        return max(found)

    def vector_rate(self) -> float:
        """The best of some functions of one thread, times the threads; without the engine the matrix rate, above it."""
        if self.elementwise is None:
            if library.why_missing() is not None:
                return self.matrix_rate("float32")
            run, given, found = library.load().c.recurra_map, torch.randn(VECTOR), torch.empty(VECTOR)
            calls = [
                partial(run, OPERATIONS[name], library.F32, given.data_ptr(), found.data_ptr(), VECTOR)
                for name in FUNCTIONS
            ]
            times = interleaved(calls, self.repeats)
            rates = [COSTS[name] * VECTOR / t.best for name, t in zip(FUNCTIONS, times, strict=True)]
            self.elementwise = max(rates) * torch.get_num_threads()
        return self.elementwise

    def whole(self, work: Whole, precision: Precision) -> tuple[float, str]:
        """Seconds that all of the work takes at least, and what takes them.

        Both kinds of arithmetic share the units that do it; memory goes on at the same time.
        """
        arithmetic = work.products / self.matrix_rate(precision) + work.elementwise / self.vector_rate()
        memory = work.moved / self.bandwidth_at(work.moved)
        return max((arithmetic, "arithmetic"), (memory, "memory"))

    def roofline(self, work: Work, precision: Precision) -> float:
        """Seconds that the work takes at least."""
        return work.seconds(self.matrix_rate(precision), self.bandwidth_at(work.weights))


def has_bfloat16() -> bool:
    """Whether torch has bfloat16 products on this CPU that are made for it. Without them they take a hundred times as
    long as in float32, and no peer is at its best with them."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _has_vnni() -> bool:
    """Whether an instruction of the engine multiplies four times as many numbers of 8 bits as of 32."""
    return library.why_missing() is None and library.load().int8_in_hardware


def now() -> str:
    """The date and time, UTC."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
