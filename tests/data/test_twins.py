"""Texts that differ on paper and are one to a network."""

from __future__ import annotations

from typing import Any

import pytest

from recurra.data.twins import describe_moved, describe_shared, form_of, gathered
from recurra.errors import UnknownNameError


@pytest.mark.parametrize(
    ("one", "other", "given"),
    [
        ("Anna  went", "Anna went", {"level": "word"}),
        ("Anna\twent ", "Anna went", {"level": "word", "split": "space"}),
        ("Anna went", "Anna went", {"level": "bpe"}),
        ("ANNA", "anna", {"level": "char", "normalize_by": ("lowercase",)}),
        ("cafe\u0301", "caf\u00e9", {"level": "byte", "normalize_by": ("nfc",)}),
        ("cafe\u0301s", "caf\u00e9", {"level": "char", "normalize_by": ("nfc",), "longest": 4}),
        ("one two three four", "one two three five", {"level": "word", "longest": 3}),
        ("日本", "日本語", {"level": "byte", "longest": 6}),
        ("你好", "再见", {"level": "char", "normalize_by": ("ascii",)}),
    ],
)
def test_twins_have_one_form(one: str, other: str, given: dict[str, Any]) -> None:
    form = form_of(**given)
    assert form(one) == form(other)


@pytest.mark.parametrize(
    ("one", "other", "given"),
    [
        ("Anna  went", "Anna went", {"level": "char"}),
        ("ANNA", "anna", {"level": "char"}),
        ("ab c", "a bc", {"level": "word"}),
        ("one two three four", "one two three five", {"level": "word", "longest": 4}),
        ("日本", "日本語", {"level": "byte", "longest": 7}),
    ],
)
def test_what_a_network_tells_apart_has_two(one: str, other: str, given: dict[str, Any]) -> None:
    form = form_of(**given)
    assert form(one) != form(other)


def test_an_unknown_way_of_reading_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="lowercase"):
        form_of(level="char", normalize_by=("lowercasing",))


def test_twins_gather_in_train_then_in_test() -> None:
    parts = {"train": ["a", "b"], "validation": ["A", "c", "d"], "test": ["B", "D", "e"]}
    forms = {name: [text.lower() for text in texts] for name, texts in parts.items()}
    found, moved = gathered(parts, forms)
    assert found == {"train": ["a", "b", "A", "B"], "validation": ["c"], "test": ["D", "e", "d"]}
    assert moved == 3
    assert describe_moved(1, "text") == ["1 text was moved to the part of a text that is the same to the network"]
    assert describe_moved(moved, "text")[0].startswith("3 texts were moved")
    assert describe_moved(0, "text") == []


def test_a_validation_part_is_never_emptied_but_told() -> None:
    parts = {"train": ["a", "b"], "validation": ["A"], "test": ["B", "e"]}
    forms = {name: [text.lower() for text in texts] for name, texts in parts.items()}
    found, moved = gathered(parts, forms)
    assert (found, moved) == ({"train": ["a", "b", "B"], "validation": ["A"], "test": ["e"]}, 1)
    forms = {name: [text.lower() for text in texts] for name, texts in found.items()}
    assert describe_shared(found, forms) == [
        "1 text stands in both train and validation as the network reads them, e.g. 'A'"
    ]


def test_texts_alike_on_paper_are_told_as_before() -> None:
    parts = {"train": ["a gem", "b", "c"], "test": ["a gem", "c", "d"]}
    assert describe_shared(parts, parts) == ["2 texts stand in both train and test, e.g. 'a gem'"]
