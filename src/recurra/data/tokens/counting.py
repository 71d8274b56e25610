"""How often each character or word occurs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from recurra.data.tokens import segment

_BLOCK = 1 << 20


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """The Unicode code points of a text, uint32 [characters]."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def count_characters(texts: Iterable[str]) -> Counter[str]:
    """How often each character occurs in all texts together."""
    counts = np.zeros(0, dtype=np.int64)
    for block in _blocks(texts):
        found = np.bincount(code_points(block), minlength=len(counts))
        found[: len(counts)] += counts
        counts = found
    return Counter({chr(code): int(counts[code]) for code in np.flatnonzero(counts)})


def count_words(texts: Iterable[str], split: segment.Split) -> Counter[str]:
    """How often each word occurs in all texts together."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(segment.words(text, split))
    return counts


def by_frequency(counts: Counter[str], *, min_count: int, limit: int | None) -> list[str]:
    """Tokens by falling frequency, then by code point; `limit`: the most that are kept."""
    kept = [token for token, count in counts.items() if count >= min_count]
    kept.sort()
    kept.sort(key=counts.__getitem__, reverse=True)  # what occurs equally often stays in order
    return kept if limit is None else kept[:limit]


def _blocks(texts: Iterable[str]) -> Iterator[str]:
    """Texts joined into blocks of about a million characters: a name costs as much to count as a block."""
    block: list[str] = []
    size = 0
    for text in texts:
        block.append(text)
        size += len(text)
        if size >= _BLOCK:
            yield "".join(block)
            block, size = [], 0
    if size:
        yield "".join(block)
