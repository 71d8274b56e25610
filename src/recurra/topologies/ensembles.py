"""Several networks of one kind as one, each trained by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.request import State
from recurra.topologies.many_to_one import ClassifierBatch, SequenceClassifier, Spelt, TextClassifier
from recurra.topologies.sequence_model import Loss
from recurra.topologies.tagger import Forms, Tagger, TagScorer

N = TypeVar("N", bound=nn.Module)


class Ensemble(nn.Module):
    """What several networks have as one, of every kind. sharpness: what their mean is multiplied by"""

    members: nn.ModuleList
    sharpness: Tensor

    def _hold(self, members: Sequence[nn.Module]) -> None:
        """The networks, once the rest of it is built."""
        self.members = nn.ModuleList(members)
        self.register_buffer("sharpness", torch.ones(()))

    @property
    def scaled(self) -> tuple[Tensor, ...]:
        return (self.sharpness,)

    def settle(self) -> None:
        """What is to be done once the networks are trained."""

    def why_no_state(self) -> str | None:
        return "each network of an ensemble would need a state of its own"


class ClassifierEnsemble(Ensemble, TextClassifier):
    """The mean of what some classifiers hold probable, and a linear skip beside it.

    Maths:  z = sharpness * log(1/K sum_k softmax(z_k)); features, orders, spelling: see TextClassifier
    Source: Lakshminarayanan et al. 2017, Simple and scalable predictive uncertainty estimation using deep ensembles
    """

    def __init__(
        self,
        members: Sequence[SequenceClassifier],
        classes: int,
        *,
        features: int = 0,
        orders: tuple[int, ...] = (1,),
        spelling: tuple[int, ...] = (),
    ) -> None:
        super().__init__(classes, features, orders, spelling)
        self._hold(members)

    def forward(
        self, inputs: Tensor | Spelt, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """As SequenceClassifier's; the last states of all networks, one after the other"""
        self.check_state(state)
        found = [member(inputs, lengths) for member in self.members]
        mean = self._mean([logits for logits, _ in found])
        return self.with_skip(mean, inputs, lengths), tuple(each for _, last in found for each in last)

    def token_vectors(self) -> Tensor:
        """The networks' tables side by side. Shapes: -> [V, K E]"""
        return torch.cat([member.token_vectors() for member in self._classifiers()], -1)

    def of_vectors(self, vectors: Tensor) -> Tensor:
        """As SequenceClassifier's, of all networks. Shapes: [B, T, K E] -> logits [B, C]. Errors: UsageError"""
        parts = zip(self._classifiers(), vectors.chunk(len(self.members), -1), strict=True)
        return self._mean([member.of_vectors(own) for member, own in parts])

    def _mean(self, logits: Sequence[Tensor]) -> Tensor:
        logs = torch.stack([each.log_softmax(-1) for each in logits])
        return self.sharpness * (logs.logsumexp(0) - math.log(len(logits)))

    def _classifiers(self) -> list[SequenceClassifier]:
        return [member for member in self.members if isinstance(member, SequenceClassifier)]

    def loss(self, batch: ClassifierBatch, state: State | None = None) -> Loss:
        """That of the mean. Units: nats per sequence"""
        logits, _ = self.forward(batch.tokens, batch.lengths, state)
        if batch.shift is not None:
            logits = logits + batch.shift
        found = functional.cross_entropy(logits.float(), batch.classes, label_smoothing=batch.smoothing)
        return Loss(found, len(batch.classes))


class TaggerEnsemble(Ensemble, TagScorer):
    """The mean of what some taggers score, tags and what follows what, and a linear skip beside it.

    Scores are logarithms, so this is the geometric mean of the probabilities of whole rows of tags, of which the best
    row can be found as in each. allowed, features: see TagScorer
    Source: logarithmic opinion pools, as Smith, Cohn & Osborne 2005, Logarithmic opinion pools for conditional random
            fields
    """

    def __init__(
        self,
        members: Sequence[Tagger],
        tags: int,
        allowed: tuple[Tensor, Tensor, Tensor] | None = None,
        *,
        features: int = 0,
    ) -> None:
        super().__init__(tags, allowed, features, crf=members[0].transitions.learned)
        self._hold(members)

    @torch.no_grad()
    def settle(self) -> None:
        """What follows what becomes the mean of the networks' scores."""
        for name, mean in self.transitions.named_parameters():
            mean.copy_(torch.stack([member.transitions.get_parameter(name) for member in self._taggers()]).mean(0))

    def forward(self, inputs: Forms, lengths: Tensor | None = None, state: State | None = None) -> tuple[Tensor, State]:
        """As Tagger's; the last states of all networks, one after the other"""
        self.check_state(state)
        found = [member(inputs, lengths) for member in self.members]
        mean = torch.stack([logits for logits, _ in found]).mean(0)
        return self.with_skip(self.sharpness * mean, inputs, lengths), tuple(each for _, last in found for each in last)

    def table(self, inputs: Forms) -> Tensor:
        """The vectors of the forms in all networks, side by side. Shapes: -> [U, K E]"""
        return torch.cat([member.table(inputs) for member in self._taggers()], -1)

    def of_vectors(self, vectors: Tensor) -> Tensor:
        """As Tagger's, of all networks. Shapes: [B, T, K E] -> logits [B, T, C]"""
        parts = zip(self._taggers(), vectors.chunk(len(self.members), -1), strict=True)
        return self.sharpness * torch.stack([member.of_vectors(own) for member, own in parts]).mean(0)

    def _taggers(self) -> list[Tagger]:
        return [member for member in self.members if isinstance(member, Tagger)]


def drawn_one_by_one(build: Callable[[], N], count: int) -> list[N]:
    """Networks as they are drawn from torch's seed and the ones after it; the first as if it were alone."""
    found, seed = [build()], torch.initial_seed()
    with torch.random.fork_rng(devices=[]):
        for number in range(1, count):
            torch.manual_seed((seed + number) % (1 << 32))
            found.append(build())
    return found


def first_of(network: nn.Module) -> nn.Module:
    """The network, of an ensemble its first."""
    return network.members[0] if isinstance(network, Ensemble) else network
