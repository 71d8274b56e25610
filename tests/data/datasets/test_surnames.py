"""The surname lists that ship with Recurra."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from recurra.data.datasets.named import SURNAMES

LANGUAGES = (
    "Arabic Chinese Czech Dutch English French German Greek Irish Italian Japanese Korean Polish Portuguese "
    "Russian Scottish Spanish Vietnamese"
).split()


def surnames(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def test_there_are_these_languages_and_nothing_else() -> None:
    assert sorted(path.name for path in SURNAMES.iterdir()) == [f"{name}.txt" for name in LANGUAGES]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_list_is_long_clean_and_sorted(language: str) -> None:
    path = SURNAMES / f"{language}.txt"
    content = path.read_bytes()
    assert content.endswith(b"\n")
    assert b"\r" not in content
    found = surnames(path)
    assert len(found) >= 120
    assert found == sorted(set(found))
    for name in found:
        assert name == unicodedata.normalize("NFC", name.strip())
        assert name[0].isalpha()
        assert all(letter.isalpha() or letter in " '-" for letter in name), name
        assert all("LATIN" in unicodedata.name(letter) for letter in name if letter.isalpha()), name


def test_few_names_stand_in_two_lists() -> None:
    lists = {language: set(surnames(SURNAMES / f"{language}.txt")) for language in LANGUAGES}
    for language, found in lists.items():
        elsewhere = set().union(*(other for name, other in lists.items() if name != language))
        assert len(found & elsewhere) <= 0.1 * len(found), language
