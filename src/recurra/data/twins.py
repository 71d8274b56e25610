"""Twins: texts that differ on paper and are one to a network, so that a fair split has them in one part."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from recurra.data.packed import numbered
from recurra.data.tokens import segment
from recurra.data.tokens.normalize import check_names, normalize
from recurra.data.tokens.vocabulary import Level, check_split

Form = Callable[[str], str]
"""What is left of a text when it is read: equal for texts that no vocabulary tells apart."""
Forms = Sequence[Hashable] | npt.NDArray[Any]
"""Of each item, or what stands for it."""
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
    numbers: dict[Hashable, int] = {}
    keys = {
        name: np.fromiter((numbers.setdefault(form, len(numbers)) for form in forms[name]), np.int64, len(items))
        for name, items in parts.items()
    }
    positions, moved = regrouped(keys)
    whole = [item for items in parts.values() for item in items]
    return {name: [whole[place] for place in found.tolist()] for name, found in positions.items()}, moved


def regrouped(keys: Mapping[str, npt.NDArray[Any]]) -> tuple[dict[str, npt.NDArray[np.int64]], int]:
    """As `gathered`: of each part its places among the items of all parts one after the other. keys: of each item's
    form, the same for the same form
    """
    names = [name for name in keys if len(keys[name])]
    if not names:
        return {name: np.zeros(0, np.int64) for name in keys}, 0
    own = np.repeat(np.arange(len(names)), [len(keys[name]) for name in names])
    number, _ = numbered(np.concatenate([keys[name] for name in names]))
    ranks = np.array([ORDER.index(name) for name in names])

    def homes(here: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """The part of each item, of those that move."""
        first = np.full(int(number.max()) + 1, len(ORDER))
        np.minimum.at(first, number[here], ranks[own[here]])
        home = np.array([names.index(name) if name in names else -1 for name in ORDER] + [-1])[first[number]]
        return np.where(here, home, own)

    home = homes(np.ones(len(own), np.bool_))
    if "validation" in names and not (home == (place := names.index("validation"))).any():
        home = homes(own != place)
    found = {}
    for place, name in enumerate(names):
        stay, come = (home == place) & (own == place), (home == place) & (own != place)
        found[name] = np.concatenate([np.flatnonzero(stay), np.flatnonzero(come)])
    return {name: found.get(name, np.zeros(0, np.int64)) for name in keys}, int((home != own).sum())


def describe_moved(count: int, noun: str) -> list[str]:
    """What to say of items that `gathered` moved."""
    if not count:
        return []
    were = " was" if count == 1 else "s were"
    return [f"{count:,} {noun}{were} moved to the part of a {noun} that is the same to the network"]


def shared(forms: Mapping[str, Forms]) -> dict[str, set[Hashable]]:
    """The forms that stand in two parts: {"train and test": {...}}; pairs without any are left out."""
    found = {name: of if isinstance(of, np.ndarray) else set(of) for name, of in forms.items()}
    pairs = {f"{a} and {b}": _both(found[a], found[b]) for a, b in combinations(forms, 2)}
    return {pair: both for pair, both in pairs.items() if both}


def _both(a: set[Hashable] | npt.NDArray[Any], b: set[Hashable] | npt.NDArray[Any]) -> set[Hashable]:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return set(np.intersect1d(a, b).tolist())
    return set(a) & set(b)


def describe_shared(texts: Mapping[str, Sequence[str]], forms: Mapping[str, Forms]) -> list[str]:
    """A sentence for each two parts that share forms: "75 texts stand in both train and test, e.g. 'a gem'".

    texts: as people read them, in the order of their forms
    """
    said = []
    for pair, both in shared(forms).items():
        found = [
            {texts[name][place] for place, form in enumerate(_listed(forms[name])) if form in both}
            for name in pair.split(" and ")
        ]
        on_paper, count = found[0] & found[1], len(both)
        alike = "" if count == len(on_paper) else " as the network reads them"
        said.append(
            f"{count:,} {'text stands' if count == 1 else 'texts stand'} in both {pair}{alike}, "
            f"e.g. {shortened(min(map(str, on_paper or found[0] | found[1])))}"
        )
    return said


def _listed(forms: Forms) -> Sequence[Hashable]:
    return forms.tolist() if isinstance(forms, np.ndarray) else forms


def shortened(text: str, limit: int = 40) -> str:
    """A text as it is quoted."""
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
