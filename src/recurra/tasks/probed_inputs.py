"""Texts out of a run's own data whose units are probed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ProbedInput:
    """given: as `forward_pass` takes it; between: what stands before each token of it, such as a space before words;
    label: of the whole, tags: of each token, as the data say; "" and none where there are none"""

    given: Any
    between: str = ""
    label: str = ""
    tags: tuple[str, ...] = ()
