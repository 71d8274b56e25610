"""One text as it is drawn, a token at a time, wherever its scores come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.native.writer import Draws
from recurra.errors import UsageError
from recurra.tasks.decoding.detokenizer import Detokenizer
from recurra.tasks.decoding.stopping import Stopping, check_stops
from recurra.tasks.language.mixture.mixture import Mixture
from recurra.topologies.sampling import draw, generator, penalised
from recurra.topologies.sampling_bounds import check_sampling, check_seed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn; see `LanguageModel.stream`."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0
    stop: str | Sequence[str] = ()
    seed: int | None = None
    mixture: Mixture | None = None

    def checked(self) -> tuple[str, ...]:
        """The stop strings. Errors: UsageError for values that cannot be"""
        check_seed(self.seed)
        if self.mixture is not None and not isinstance(self.mixture, Mixture):
            raise UsageError(f"a mixture is fitted to a run, see Run.mixture; got {self.mixture!r:.60}")
        check_sampling(self.temperature, self.top_k, self.top_p, self.repetition_penalty)
        return check_stops(self.stop)


class Writing:
    """Draws the tokens of one text.

    read: the tokens before it; left: tokens that it may still draw; stopped: whether a stop string ended it
    Errors: UsageError for a sampling that cannot be
    """

    def __init__(self, read: Iterable[int], detokenizer: Detokenizer, length: int, how: Sampling) -> None:
        self._stopping, self._how, self._detokenizer = Stopping(how.checked()), how, detokenizer
        self._written, self._random, self.left = list(dict.fromkeys(read)), generator(how.seed), length

    @property
    def stopped(self) -> bool:
        return self._stopping.stopped

    @property
    def ended(self) -> bool:
        return self.stopped or self.left <= 0

    def draw(self, scores: torch.Tensor) -> tuple[int, str]:
        """The next token, and the text that can be shown with it: all that is left of it with the last one.

        Shapes: scores [V], unnormalised log-probabilities, which are changed
        Errors: ModelFolderError for scores that are no numbers
        """
        how = self._how
        scores[Vocabulary.UNKNOWN] = float("-inf")
        if how.repetition_penalty != 1:
            scores = penalised(scores, torch.tensor(self._written), how.repetition_penalty)
        token = draw(scores, self._random, temperature=how.temperature, top_k=how.top_k, top_p=how.top_p)
        return token, self.take(token)

    def draws(self) -> tuple[Draws, list[int]]:
        """How the next tokens are drawn, and what was written before them."""
        how = self._how
        forbidden = (Vocabulary.UNKNOWN,)
        return Draws(how.temperature, how.top_k, how.top_p, how.repetition_penalty, forbidden), self._written

    def waits(self, count: int, vocabulary: int) -> torch.Tensor:
        """The random numbers of the next draws, each as many as `draw` takes. Shapes: -> [count, vocabulary]"""
        waits = torch.empty(count, vocabulary)
        for row in waits:  # all at once would be others
            row.exponential_(generator=self._random)
        return waits

    def takes(self, tokens: Iterable[int]) -> Iterator[str]:
        """The next tokens, drawn elsewhere: their text as it can be shown, up to where it ends."""
        for token in tokens:
            if self.ended:
                return
            if text := self.take(token):
                yield text

    def take(self, token: int) -> str:
        """The next token, drawn elsewhere, as `draw` takes its own: the text that can be shown with it."""
        if self._how.repetition_penalty != 1 and token not in self._written:
            self._written.append(token)
        self.left -= 1
        text = self._stopping.add(self._detokenizer.add(token))
        if self.left == 0 and not self.stopped:
            text += self._stopping.add(self._detokenizer.end())
            text += "" if self.stopped else self._stopping.end()
        return text
