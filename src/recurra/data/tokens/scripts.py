"""Scripts that write words without spaces between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

Writing = Literal["spaced", "chinese", "japanese", "korean", "unspaced"]

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_HIRAGANA, _KATAKANA, _HANGUL = "\u3041-\u309f", "\u30a0-\u30ff\uff66-\uff9f", "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_SOUTHEAST = "\u0e01-\u0e4e\u0e81-\u0ecd\u0f40-\u0fbc\u1000-\u103f\u1780-\u17d3"
"""Thai, Lao, Tibetan, Burmese, Khmer: letters and the marks above and below them."""
_SIGNS = "\u3001-\u303f\uff01-\uff20\uff3b-\uff65"
"""Signs as wide as a Chinese character, which bring their own room."""
_ALONE = _HAN + _HIRAGANA + _SOUTHEAST
_WORD = re.compile(rf"[{_ALONE}]|[{_KATAKANA}]+|[^\W{_ALONE}{_KATAKANA}]+|[^\w\s]")
_CLOSE = re.compile(rf"[{_ALONE}{_KATAKANA}{_SIGNS}]")
_LOOKED_AT = 1_000
"""Texts that say how all are written."""


def writing(texts: Iterable[str]) -> Writing:
    """How texts are written, by most of their letters; with kana among Chinese characters they are Japanese.

    "unspaced": Thai, Lao, Tibetan, Burmese, Khmer. Korean has spaces, though between phrases rather than words.
    """
    given = texts if isinstance(texts, Sequence) else list(texts)
    whole = "".join(given[:: -(-len(given) // _LOOKED_AT) or 1])
    letters = sum(map(str.isalpha, whole)) or 1
    han, kana, hangul, southeast = (
        len(re.findall(f"[{kind}]", whole)) for kind in (_HAN, _HIRAGANA + _KATAKANA, _HANGUL, _SOUTHEAST)
    )
    if 2 * (han + kana) > letters:
        return "japanese" if 10 * kana > han else "chinese"
    if 2 * hangul > letters:
        return "korean"
    return "unspaced" if 2 * southeast > letters else "spaced"


def is_unspaced(how: Writing) -> bool:
    """Whether no spaces stand between words."""
    return how in ("chinese", "japanese", "unspaced")


def words(text: str) -> list[str]:
    """Runs of letters and digits and every other sign by itself; of a script without spaces every character.

    Katakana, which write foreign words, are one word as long as they go on.
    """
    return _WORD.findall(text)


def close(left: str, right: str) -> bool:
    """Whether no space stands between two words because of the scripts that they are written in."""
    return _CLOSE.match(left[-1]) is not None and _CLOSE.match(right[0]) is not None
