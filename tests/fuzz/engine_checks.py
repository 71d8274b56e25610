"""What engines answered to drawn requests, compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from recurra.engines.native import library
from tests.fuzz.engine_cases import (
    Case,
    Drawn,
    close,
    has_kinks,
    tolerance,
)
from tests.fuzz.engine_roundings import nearest, off_by_roundings, roundings
from tests.laws.cells_for_tests import CELLS


class NoAnswerError(Exception):
    """The case has no digit that roundings leave as it is, such as normalised units that are all alike."""


def check(case: Case) -> None:
    """Errors: AssertionError where native and reference differ by more than roundings; NoAnswerError"""
    torch.set_num_threads(1)
    drawn = Drawn(case)
    rounds = roundings(nearest) if case.kind == "bfloat16" else None
    expected = drawn.run("reference", torch.float64, rounds)
    with using(case.variant, case.threads):
        found = drawn.run("native", torch.float64 if case.kind == "float64" else torch.float32)
    assert found.keys() == expected.keys(), f"{found.keys()} and {expected.keys()}"
    try:
        for name, value in found.items():
            close(value, expected[name], tolerance(case), name)
    except AssertionError:
        # Which sums are rounded is an engine's choice, and terms may cancel: held against the exact numbers, an answer
        # may be off by what drawn roundings do to them.
        exact = drawn.run("reference", torch.float64) if case.kind == "bfloat16" else expected
        may_be = off_by_roundings(drawn, exact)
        most = {name: max(float(value.abs().max()), 1e-3) for name, value in exact.items() if value.numel()}
        if any(may_be[name] > most[name] for name in most if name == "y" or name.startswith("last ")):
            if all(bool(value.isfinite().all()) for value in found.values()):
                raise NoAnswerError from None
            raise
        for name in most:
            close(found[name], exact[name], max(tolerance(case), may_be[name] / most[name]), name)


@contextmanager
def using(variant: str, threads: int) -> Iterator[None]:
    """This variant on so many threads, whatever the machine has; memory that nobody wrote is NaN."""
    chosen = library.open_variant(variant)
    before = library._choose
    library._choose = lambda *_: chosen  # type: ignore[assignment]
    library.read_environment_again()
    chosen.c.recurra_fill_nan(1)
    chosen.c.recurra_threads_as_asked(1)
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        library._choose = before
        library.read_environment_again()
        chosen.c.recurra_fill_nan(0)
        chosen.c.recurra_threads_as_asked(0)
        torch.set_num_threads(1)


def differs(case: Case) -> str | None:
    """What is wrong with native's answer, or None. Where derivatives jump, what is wrong with other numbers too.

    Errors: NoAnswerError
    """
    cell = next(c for c in CELLS if c.name == case.cell)
    found = ""
    for i in range(3 if has_kinks(cell) and case.kind != "float64" else 1):
        try:
            check(replace(case, numbers=case.numbers + i))
            return None
        except AssertionError as error:
            found = found or str(error).splitlines()[0]
    return found
