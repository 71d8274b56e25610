"""Stop strings, in whatever pieces the text comes."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recurra.errors import UsageError
from recurra.tasks.decoding.stopping import Stopping, check_stops

TEXTS = st.text("ab\n", max_size=20)


@example(["\nb", "\n"], ["b", "\nb\n"])
@example(["\nb"], ["b", "\nb\n"])
@given(st.lists(TEXTS, max_size=8), st.lists(TEXTS.filter(bool), max_size=3))
def test_a_text_ends_before_the_first_stop_however_it_is_cut(pieces: list[str], stops: list[str]) -> None:
    whole = "".join(pieces)
    indices = [whole.index(stop) for stop in stops if stop in whole]
    stopping = Stopping(stops)
    found = "".join(stopping.add(piece) for piece in pieces if not stopping.stopped) + stopping.end()
    assert found == whole[: min(indices, default=len(whole))]
    assert stopping.stopped == bool(indices)


def test_pieces_are_passed_on_as_soon_as_they_cannot_be_a_stop() -> None:
    stopping = Stopping(["\nSTOP"])
    assert [stopping.add(piece) for piece in ("one", " tw", "o", "\n", "ST", "a\nSTOPmore")] == [
        "one",
        " tw",
        "o",
        "",
        "",
        "\nSTa",
    ]
    assert stopping.stopped
    assert stopping.end() == ""


def test_a_single_string_is_one_stop() -> None:
    assert check_stops("ab") == ("ab",)
    assert check_stops(["a", "b"]) == ("a", "b")
    with pytest.raises(UsageError, match="a stop string is empty"):
        check_stops(["a", ""])
