"""Sub-words of running text: lines end, frequent tokens come first, texts come back."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tokenizers")

from recurra.data.tokens.subword_lines import SubwordLines
from recurra.errors import DataError, UsageError

TEXT = "the sun shines\nthe rain falls, the sun falls\n" * 30 + "once only\n"


@pytest.fixture(scope="module")
def made() -> SubwordLines:
    return SubwordLines.build(TEXT, max_size=40)


@pytest.mark.parametrize("text", ["", "\n", "the sun", "\n\nthe sun\n", "the rain\nfalls", "sunshine, the\n"])
def test_texts_come_back(made: SubwordLines, text: str) -> None:
    ids = made.encode(text)
    assert made.decode(ids) == text
    assert (ids > 0).all()


def test_tokens_stand_by_falling_frequency(made: SubwordLines) -> None:
    counts = np.bincount(made.encode(TEXT), minlength=len(made))[1:]
    assert (np.diff(counts) <= 0).all()
    assert made.tokens[0] == "<unk>"
    assert len(made) <= 40
    assert len(made.encode("\n")) == 1


def test_unknown_characters(made: SubwordLines) -> None:
    assert made.unknown("the zoo é") == ["z", "é"]
    assert 0 in made.encode("é")
    assert "�" in made.decode(made.encode("é"))


def test_it_goes_to_json_and_back(made: SubwordLines) -> None:
    again = SubwordLines.from_json(made.to_json())
    assert again == made
    assert again.encode(TEXT).tolist() == made.encode(TEXT).tolist()
    assert SubwordLines.build(TEXT, max_size=40) == made


def test_what_is_none(made: SubwordLines) -> None:
    with pytest.raises(DataError, match="has the keys"):
        SubwordLines.from_json({"level": "bpe"})
    with pytest.raises(DataError, match="holds each token once"):
        SubwordLines.from_json(made.to_json() | {"order": [0, 1]})
    with pytest.raises(UsageError, match="token id 999 is not in"):
        made.decode([999])
