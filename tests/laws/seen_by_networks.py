"""What the network of each task gets to see of the texts of a part."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any


def seen(task: str, data: Any, longest: int | None = None) -> dict[str, set[Hashable]]:
    """By part; longest: tokens of a tagged sentence that are learned from, and compared, the last without its pair."""
    found: dict[str, set[Hashable]] = {}
    for name, part in data.parts.items():
        if task == "tag":
            letters = [ids.tobytes() for ids in part.letters]
            pairs = [0] * len(part.words) if part.pairs is None or longest else part.pairs.tolist()
            forms = list(zip(part.words.tolist(), letters, pairs, strict=True))
            found[name] = {tuple(forms[i] for i in ids[:longest]) for ids in part.encoded}
        else:
            rows = part.encoded_sources if task == "translate" else part.encoded
            found[name] = {ids.tobytes() for ids in rows}
    return found
