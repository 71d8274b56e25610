"""What a user may ask of a search for texts, and what is found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from recurra.errors import UnknownNameError
from recurra.topologies.search import Search

OPTIONS = tuple(Search.__dataclass_fields__)


@dataclass(frozen=True)
class Candidate:
    """A text; log_probability in nats, its end among it; score: what candidates are compared by."""

    text: str
    log_probability: float
    score: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"text": self.text, "log_probability": self.log_probability, "score": self.score}


def search_for(top: int, options: dict[str, Any], what: str, start: Search = Search()) -> Search:
    """The search that options ask for. what: is searched for, for people; start: what else is as there

    Errors: UsageError, UnknownNameError
    """
    for name in options:
        if name not in OPTIONS:
            raise UnknownNameError(f"option of {what}", name, OPTIONS)
    given = dict(options)
    given.setdefault("n_best", top)
    given.setdefault("beam", max(start.beam, given["n_best"]))
    return Search(**{**asdict(start), **given})
