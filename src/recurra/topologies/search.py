"""What may be asked of a search for texts, with torch and without."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from recurra.errors import UsageError
from recurra.topologies.sampling_bounds import check_sampling


@dataclass(frozen=True)
class Search:
    """How is searched.

    beam: hypotheses that are followed at a time, 1 for greedy; n_best: so many are given back; length_penalty: alpha of
    Wu et al. 2016, by which hypotheses of different length are compared, 0 for their plain log-probability (1.4 was the
    best of 0 to 1.8 on the validation part of multi30k, in both languages);
    block_ngrams: no sequence of so many tokens is written twice, 0 for no such rule (Paulus et al. 2018);
    sample: draw n_best hypotheses by chance, with temperature, top_k and top_p as in topologies.sampling, and no beam;
    seed: of the draws, None for others each time.
    Errors: UsageError for numbers that cannot be
    """

    beam: int = 5
    n_best: int = 1
    length_penalty: float = 1.4
    block_ngrams: int = 0
    sample: bool = False
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        for name, lowest in (("beam", 1), ("n_best", 1), ("block_ngrams", 0)):
            if getattr(self, name) < lowest:
                raise UsageError(f"{name} must be a whole number from {lowest}, got {getattr(self, name)}")
        if not 0 <= self.length_penalty <= 10:
            raise UsageError(f"length_penalty must be a number from 0 to 10, got {self.length_penalty}")
        if not self.sample and self.n_best > self.beam:
            raise UsageError(f"a beam of {self.beam} has no {self.n_best} best; give a beam of {self.n_best} or more")
        check_sampling(self.temperature, self.top_k, self.top_p)

    def score(self, log_probability: float, length: int) -> float:
        """What hypotheses are compared by. Units: nats; length in tokens, the end among them"""
        return log_probability / math.pow((5 + length) / 6, self.length_penalty)


def repeating(tokens: Sequence[int], size: int) -> list[int]:
    """The tokens that would complete a sequence of `size` tokens which stands in `tokens` already."""
    begun = list(tokens[len(tokens) - size + 1 :])
    starts = range(len(tokens) - size + 1)
    return [tokens[i + size - 1] for i in starts if list(tokens[i : i + size - 1]) == begun]
