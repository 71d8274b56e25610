"""A text of a condition while it is being written."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.engines.request import State
from recurra.tasks.decoding.detokenizer import Detokenizer
from recurra.tasks.forward_pass import END
from recurra.tasks.generate.trainee import Generator
from recurra.topologies.one_to_many import Conditioned


class GenerateWriter:
    """See tasks.abilities.Writer. indices: of the condition; ids: of the prompt"""

    def __init__(self, model: Generator, indices: Sequence[int], ids: Sequence[int], prompt: str) -> None:
        self.end: int | None = len(model.vocabulary)
        self._model, self._indices = model, torch.tensor([list(indices)])
        self._inputs = [len(model.vocabulary) + 1, *ids]
        self._state: State | None = None
        self._detokenizer = Detokenizer(model.vocabulary, prompt)

    @torch.inference_mode()
    def scores(self) -> Tensor:
        """What may follow the tokens that were added since the last call."""
        network = self._model.network
        device = network.head.weight.device
        given = Conditioned(torch.tensor([self._inputs], device=device), self._indices.to(device))
        y, self._state = network.hidden(given, state=self._state)
        scores = network.logits(y[0, -1]).float().cpu().clone()
        scores[Vocabulary.UNKNOWN] = float("-inf")
        return scores

    def add(self, token: int) -> str:
        self._inputs = [token]
        return "" if token == self.end else self._detokenizer.add(token)

    def name(self, token: int) -> str:
        return END if token == self.end else self._model.vocabulary.tokens[token]
