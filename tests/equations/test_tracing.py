"""Tracing leaves the interpreter as it was, and does not mind who watches."""

from __future__ import annotations

import cProfile
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from recurra.cells.definition import cell
from recurra.equations.symbols import R, W, bound, context, tanh
from recurra.errors import CellError


def good() -> Any:
    @cell()
    def watched(x: Any, h: Any) -> Any:
        y = tanh(W.h @ x + R.h @ h)
        return y

    return watched


def bad() -> Any:
    with pytest.raises(CellError):

        @cell()
        def broken(x: Any, h: Any) -> Any:
            return tanh(W.h @ h)

    return good()


@pytest.mark.parametrize("define_cell", [good, bad])
def test_a_tracer_or_profiler_of_ones_own_stays(define_cell: Callable[[], Any]) -> None:
    seen: list[str] = []

    def watch(frame: Any, event: str, _: object) -> Any:
        seen.append(event)
        return watch

    before = sys.gettrace(), sys.getprofile()
    try:
        for install, ask in ((sys.settrace, sys.gettrace), (sys.setprofile, sys.getprofile)):
            install(watch)
            made = define_cell()
            assert ask() is watch
            install(None)
            assert [name for _, name in made.program().names] == ["y"]
            assert seen
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])


def test_cprofile_sees_a_definition() -> None:
    profile = cProfile.Profile()
    before = sys.getprofile()
    with profile:
        made = good()
    assert sys.getprofile() is before
    assert made.name == "watched"


def test_the_context_in_force_comes_back_and_is_a_threads_own() -> None:
    class Mine:
        def product(self, parameter: Any, operand: Any) -> Any:
            return operand

        def vector(self, parameter: Any) -> Any:
            return None

    mine, elsewhere = Mine(), []

    def ask() -> None:
        with pytest.raises(CellError):
            context()
        elsewhere.append(True)

    with bound(mine):
        bad()
        assert context() is mine
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert elsewhere
