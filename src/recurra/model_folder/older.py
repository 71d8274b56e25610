"""What a folder of an older version does not hold, and what was done in its stead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

UNHEARD: Mapping[str, Mapping[str, str]] = {"translate": {"skip": "none"}}
"""Of tasks, settings that folders lacked at first, and what networks were trained as then."""
ALONE = "skip_alone"
"""Beside `skip_after`: what a short text's logits are multiplied with, which at first was nothing but 1."""


def added_since(names: Iterable[str]) -> dict[str, float]:
    """Numbers that such a network has now, if tensors of these names were stored."""
    known = set(names)
    wanted = {name.removesuffix("skip_after") + ALONE for name in known if name.split("/")[-1] == "skip_after"}
    return dict.fromkeys(sorted(wanted - known), 1.0)
