"""What texts usually are."""

from __future__ import annotations

import pytest

from recurra.tasks.text.usual import infer_level, mostly_chinese


@pytest.mark.parametrize(
    ("texts", "level"),
    [
        (["Abakumtsev", "Nguyen", "van der Berg"], "char"),
        (["a film of great beauty", "not good at all"], "word"),
        (["商务大床房，房间很大", "整体感觉 经济实惠不错"], "char"),
        (["good", "bad"], "char"),
        (["ACGTACGTACGTACGTACGTACGT ACGTACGTACGTACGTACGTACGT ACGTTTTTTTTTTTTTTTTTTTTT"], "char"),
        ([], "char"),
    ],
)
def test_the_level_follows_the_texts(texts: list[str], level: str) -> None:
    assert infer_level(texts) == level


def test_chinese_is_the_larger_part() -> None:
    assert mostly_chinese(["大床房", "a"])
    assert not mostly_chinese(["大床房", "a long English text"])
