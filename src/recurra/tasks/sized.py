"""A network's size as it follows the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sized:
    """Settings that follow the time, and why they do, in a sentence."""

    settings: dict[str, Any]
    why: str
