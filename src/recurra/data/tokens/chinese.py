"""Chinese: which texts are, and how they are cut into words.

The cutting is rjieba's (extra `zh`), or jieba's where the user has that one instead. A model's words are those of one
dictionary, so its folder names the segmenter and a hash of how it cuts, and both are checked on loading.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from recurra.errors import UsageError

SEGMENTERS = ("rjieba", "jieba")
"""The packages that can cut, the preferred one first."""
INSTALL = "pip install rjieba"

_FREQUENT = (
    "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生自会那后能对着事其里所去行过家十用发天如然"
    "作方成者多日都三小军二无同么经法当起与好看学进种将还分此心前面又定见只主没公从今回很已最美高新房间店服务员早餐电影质量便宜"
)
"""Frequent characters, whose pairs are a part of what is hashed."""
_SENTENCES = (
    "这个电影特效不差，推荐大家去看。",
    "研究生命的起源，南京市长江大桥，他来到了网易杭研大厦。",
    "我昨天上学迟到了,老师批评了我;今天早上6点30分就起床了!",
    "iPhone 8 的屏幕是4.7寸，Wi-Fi不太好用，abc_def-g，价格￥3,999.00元😀",
    "頭髮變順了，這款洗髮水真的好用嗎？ ひらがな 한국어 Ünïcode",
)


@dataclass(frozen=True)
class Identity:
    """Which segmenter, and how it cuts: equal hashes cut a fixed sample of texts the same."""

    name: str
    version: str
    dictionary: str

    def to_json(self) -> dict[str, str]:
        """Plain values."""
        return {"name": self.name, "version": self.version, "dictionary": self.dictionary}


@dataclass(frozen=True)
class Segmenter:
    """A segmenter that is installed here.

    cut: a line to pieces that make up the line again, spaces among them.
    """

    name: str
    version: str
    cut: Callable[[str], list[str]]

    @functools.cached_property
    def identity(self) -> Identity:
        """Name, version, and the SHA-256 of how sentences and the pairs of frequent characters are cut.

        Dictionaries lie compiled inside their packages. A pair of characters is one piece or two as the dictionary
        says, its frequencies and the model for words that are not in it, so the cuts stand for all three.
        """
        probes = [*_SENTENCES, *(a + b for a in _FREQUENT for b in _FREQUENT)]
        digest = hashlib.sha256()
        for probe in probes:
            digest.update("\x1f".join(self.cut(probe)).encode() + b"\n")
        return Identity(self.name, self.version, digest.hexdigest())

    def describe(self) -> str:
        """One sentence for people: who cuts, and why not the preferred one."""
        missing = "" if self.name == SEGMENTERS[0] else f"; {SEGMENTERS[0]} is not installed"
        return f"Chinese words are cut by {self.name} {self.version}{missing}"

    def words(self, text: str) -> list[tuple[int, str]]:
        """The words of a text with their offsets in characters; a line feed is a word, other white space is not."""
        found: list[tuple[int, str]] = []
        start = 0
        for number, line in enumerate(text.split("\n")):
            if number:
                found.append((start - 1, "\n"))
            at = start
            for piece in self.cut(line) if line else ():
                if not piece.isspace():
                    found.append((at, piece))
                at += len(piece)
            start += len(line) + 1
        return found


def _rjieba(module: Any) -> Callable[[str], list[str]]:
    cut: Callable[[str], list[str]] = module.Jieba().cut  # its own dictionary: words added elsewhere change nothing
    return cut


def _jieba(module: Any) -> Callable[[str], list[str]]:
    module.setLogLevel(logging.WARNING)
    lcut: Callable[[str], list[str]] = module.Tokenizer().lcut
    return lcut


_MAKERS = {"rjieba": _rjieba, "jieba": _jieba}


@functools.cache
def _installed(name: str) -> Segmenter | None:
    """The segmenter of this package, None where the package is not installed."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError:
        return None
    return Segmenter(name, metadata.version(name), _MAKERS[name](module))


def segmenter() -> Segmenter:
    """The preferred segmenter of those that are installed. Errors: UsageError if none is"""
    for name in SEGMENTERS:
        found = _installed(name)
        if found is not None:
            return found
    raise UsageError(
        f"Chinese words are cut by rjieba, which is not installed: {INSTALL}\n"
        "or read characters instead: --segment char, level='char'"
    )


_VERSION = re.compile(r"[0-9][0-9A-Za-z.+]{0,30}", re.ASCII)
"""What may be shown as a package's version: it is read from a folder and put into a command to copy."""


def matching(recorded: object) -> Segmenter:
    """The segmenter here that cuts as the one did whose `Identity.to_json` is given, preferably the same package.

    Errors: UsageError if the record is invalid, nothing is installed, or what is there cuts differently
    """
    if not isinstance(recorded, dict) or sorted(recorded) != ["dictionary", "name", "version"]:
        raise UsageError(f"a segmenter is recorded as name, version and dictionary, this one as {recorded!r:.60}")
    if recorded["name"] not in SEGMENTERS or not _VERSION.fullmatch(str(recorded["version"])):
        raise UsageError(
            f"its Chinese words were cut by a segmenter that this version does not know: {recorded!r:.120}"
        )
    wanted = f"{recorded['name']} {recorded['version']}"
    remedy = f"install the one it had: pip install {recorded['name']}=={recorded['version']}"
    here = [one for name in sorted(SEGMENTERS, key=lambda n: n != recorded["name"]) if (one := _installed(name))]
    if not here:
        raise UsageError(f"its Chinese words were cut by {wanted}, and no segmenter is installed here\n{remedy}")
    for found in here:
        if found.identity.dictionary == recorded["dictionary"]:
            return found
    there = " and ".join(f"{one.name} {one.version}" for one in here)
    raise UsageError(f"its Chinese words were cut by {wanted}; {there} here cuts them differently\n{remedy}")


def is_han(character: str) -> bool:
    """Whether a character is a Chinese one: the unified ideographs with their extensions, and iteration marks."""
    code = ord(character)
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0x20000 <= code <= 0x323AF
        or 0xF900 <= code <= 0xFAFF
        or code in (0x3005, 0x3007)
    )


def han_share(texts: Iterable[str]) -> float:
    """The share of Chinese characters among the letters of some texts; 0 without letters."""
    letters = han = 0
    for text in texts:
        for character in text:
            if character.isalpha():
                letters += 1
                han += is_han(character)
    return han / letters if letters else 0.0
