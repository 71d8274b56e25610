"""Messages stay readable whatever stands in the user's files."""

from __future__ import annotations

import pytest

from recurra.errors import LONGEST, DataError, RecurraError, UnknownNameError, UsageError, listed, nearest, quoted


@pytest.mark.parametrize(
    "error",
    [
        DataError("x" * 100_000, remedy="do this", file="a" * 5_000, line=3),
        UsageError("x" * 100_000),
        RecurraError("x" * LONGEST),
        UnknownNameError("column", "n" * 100_000, [f"{i}" * 50_000 for i in range(9)]),
        UnknownNameError("column", "qqqq", [f"name {i}" for i in range(100_000)]),
    ],
)
def test_no_message_is_longer_than_a_screen(error: RecurraError) -> None:
    assert 0 < len(str(error)) <= LONGEST


def test_the_beginning_and_the_remedy_of_a_long_message_stay() -> None:
    text = str(DataError("long " * 9_999, remedy="do this", file="a.csv", line=3))
    assert text.startswith("a.csv:3: long long ")
    assert text.endswith("long \ndo this")


def test_values_and_lists_of_names_are_shortened() -> None:
    assert quoted("it's") == '"it\'s"'
    assert quoted("a" * 99, 5) == "'aaaa…'"
    assert listed([]) == "none"
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed([str(i) for i in range(120_000)], 2) == "'0', '1' and 119,998 more"


def test_the_nearest_name() -> None:
    assert nearest("labl", ["text", "label"]) == "label"
    assert nearest("labl", ["text"]) is None
    assert nearest("a" * 100_000, ["a" * 99_999] * 99) is None
