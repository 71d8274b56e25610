"""Scripts without spaces between words: told by their letters, cut into characters, joined without spaces."""

from __future__ import annotations

import pytest

from recurra.data.tokens.scripts import close, is_unspaced, words, writing


@pytest.mark.parametrize(
    ("texts", "how"),
    [
        (["She left.", "我"], "spaced"),
        (["她十分鐘前離家。", "OK，iPhone 很好用"], "chinese"),
        (["彼女は十分前に家を出た。"], "japanese"),
        (["メールアドレス"], "japanese"),
        (["그녀는 십 분 전에 집을 나섰다."], "korean"),
        (["เธอออกจากบ้านเมื่อสิบนาทีก่อน"], "unspaced"),
        ([], "spaced"),
    ],
)
def test_how_texts_are_written(texts: list[str], how: str) -> None:
    assert writing(texts) == how
    assert is_unspaced(writing(texts)) == (how not in ("spaced", "korean"))


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("It's 3.5 km_h!", ["It", "'", "s", "3", ".", "5", "km_h", "!"]),
        ("她用iPhone 8。", ["她", "用", "iPhone", "8", "。"]),
        ("メールを書く", ["メール", "を", "書", "く"]),
        ("집을 나섰다.", ["집을", "나섰다", "."]),
        ("บ้าน", list("บ้าน")),
    ],
)
def test_words_of_a_script_without_spaces_are_characters(text: str, cut: list[str]) -> None:
    assert words(text) == cut


def test_no_space_stands_between_chinese_words() -> None:
    assert close("她", "很")
    assert close("好", "。")
    assert not close("她", "iPhone")
    assert not close("집을", "나섰다")
