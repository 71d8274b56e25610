"""Twins: texts that differ on paper and are one to a network, so that a fair split has them in one part."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

from recurra.data.tokens import segment
from recurra.data.tokens.normalize import check_names, normalize
from recurra.data.tokens.vocabulary import Level, check_split

Form = Callable[[str], str]
"""What is left of a text when it is read: equal for texts that no vocabulary tells apart."""
Item = TypeVar("Item")
ORDER = ("train", "test", "validation")
"""Twins that stand in several parts go to the first of these."""


def form_of(
    *, level: Level, normalize_by: Iterable[str] = (), split: segment.Split = "words", longest: int | None = None
) -> Form:
    """What a network sees of a text before there is a vocabulary: normalised, cut into tokens, cut off.

    longest: tokens that are read; it does not bound sub-words, which no text has before they are learned.
    Errors: UnknownNameError for a normalisation or a way of cutting words that there is not
    """
    names = check_names(normalize_by)
    check_split(split)

    def form(text: str) -> str:
        text = normalize(text, names)
        if level == "word":
            return "\0".join(segment.words(text, split)[:longest])
        if level == "byte":
            return text.encode("utf-8", "surrogatepass")[:longest].decode("latin-1")
        if level == "bpe":
            return " ".join(text.split())
        return text[:longest]

    return form


def gathered(
    parts: Mapping[str, Sequence[Item]], forms: Mapping[str, Sequence[Hashable]]
) -> tuple[dict[str, list[Item]], int]:
    """The parts with all items of one form in one of them, see ORDER, and how many items moved.

    forms: of each item, what the network sees of it once the vocabulary is known: rare words are alike then. A part's
    own items keep their order, what comes from others stands after them. A validation part of which nothing would be
    left stays whole, or nothing could be trained on a few texts of rare words: `describe_shared` tells of it.
    """
    found, moved = _gathered(parts, forms)
    if len(parts.get("validation", ())) and not found["validation"]:
        others, moved = _gathered({name: of for name, of in parts.items() if name != "validation"}, forms)
        found = {name: others.get(name, list(of)) for name, of in parts.items()}
    return found, moved


def _gathered(
    parts: Mapping[str, Sequence[Item]], forms: Mapping[str, Sequence[Hashable]]
) -> tuple[dict[str, list[Item]], int]:
    home: dict[Hashable, str] = {}
    for name in (part for part in ORDER if part in parts):
        for form in forms[name]:
            home.setdefault(form, name)
    stay: dict[str, list[Item]] = {name: [] for name in parts}
    come: dict[str, list[Item]] = {name: [] for name in parts}
    for name, items in parts.items():
        for item, form in zip(items, forms[name], strict=True):
            (stay if home[form] == name else come)[home[form]].append(item)
    return {name: stay[name] + come[name] for name in parts}, sum(map(len, come.values()))


def describe_moved(count: int, noun: str) -> list[str]:
    """What to say of items that `gathered` moved."""
    if not count:
        return []
    were = " was" if count == 1 else "s were"
    return [f"{count:,} {noun}{were} moved to the part of a {noun} that is the same to the network"]


def shared(forms: Mapping[str, Sequence[Hashable]]) -> dict[str, set[Hashable]]:
    """The forms that stand in two parts: {"train and test": {...}}; pairs without any are left out."""
    found = {name: set(of) for name, of in forms.items()}
    pairs = {f"{a} and {b}": found[a] & found[b] for a, b in combinations(forms, 2)}
    return {pair: both for pair, both in pairs.items() if both}


def describe_shared(texts: Mapping[str, Sequence[str]], forms: Mapping[str, Sequence[Hashable]]) -> list[str]:
    """A sentence for each two parts that share forms: "75 texts stand in both train and test, e.g. 'a gem'".

    texts: as people read them, in the order of their forms
    """
    on_paper = shared(texts)
    said = []
    for pair, both in shared(forms).items():
        names = pair.split(" and ")
        known = on_paper.get(pair) or {
            text for name in names for text, form in zip(texts[name], forms[name], strict=True) if form in both
        }
        count = len(both)
        alike = "" if count == len(on_paper.get(pair, ())) else " as the network reads them"
        said.append(
            f"{count:,} {'text stands' if count == 1 else 'texts stand'} in both {pair}{alike}, "
            f"e.g. {shortened(min(map(str, known)))}"
        )
    return said


def shortened(text: str, limit: int = 40) -> str:
    """A text as it is quoted."""
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
