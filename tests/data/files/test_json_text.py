"""JSON in users' files, and everything that is not."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from recurra.data.files.json_text import parse, storable
from recurra.errors import DataError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1', "not JSON: Expecting ',' delimiter at character 8"),
        ("", "not JSON: Expecting value at character 1"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("9" * 5_000, "more than 4,300 digits"),
        (f"[-{'9' * 5_000}]", "more than 4,300 digits"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' appears twice"),
        (r'"\ud83d"', "half of a surrogate pair"),
        (r'{"\udc00 key": 1}', "half of a surrogate pair"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_line(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        parse(text, Path("a.jsonl"), 7)
    assert (caught.value.file, caught.value.line) == (Path("a.jsonl"), 7)


def test_what_can_be_read() -> None:
    assert parse(r'{"a": ["\ud83d\ude00", 12, null]}', Path("a.json")) == {"a": ["😀", 12, None]}
    assert parse("1" * 4_300, Path("a.json")) == int("1" * 4_300)


def test_of_a_whole_file_the_line_is_told() -> None:
    with pytest.raises(DataError, match=r"a\.json:2: this is not JSON: .* at column 1"):
        parse("[1,\n]", Path("a.json"))


def test_numbers_that_json_lacks_are_null_or_what_is_asked_for() -> None:
    found = {1: (math.nan, [-math.inf, 2.5]), "text": "nan", "none": None}
    assert storable(found) == {"1": [None, [None, 2.5]], "text": "nan", "none": None}
    assert storable(found, str) == {"1": ["nan", ["-inf", 2.5]], "text": "nan", "none": None}
    assert json.loads(json.dumps(storable(found), allow_nan=False)) == storable(found)
