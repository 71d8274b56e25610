"""How wide a network of characters is for the time that it has, and how much dropout it then needs.

A wide network learns more from a token and sees fewer of them. Which is the best follows from how many it would see, by
trainings on public texts (benchmarks/widths.py); and that is measured: training steps of each, here and now, in the
run's own arithmetic.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator

import torch

from recurra.tasks.language.settings import LanguageSettings
from recurra.tasks.sized import Sized
from recurra.topologies.carry import detached
from recurra.topologies.many_to_many import NextToken, TokenBatch
from recurra.training.optimizer import clip_gradient, optimizer_of

WIDTHS = (128, 192, 256, 384, 512, 640, 768, 1024)
CELLS = ("lstm", "gru")
"""Whose widths follow the time; those of others are as they are, for nobody has looked."""
SHAPED = ("hidden_size", "tie_weights", "rank", "heads", "vectors", "train_vectors")
"""Settings that say a width, or that it would have to suit."""
ENOUGH = 12e-6
"""Tokens that a network sees for the square of its weights, from which on it is better than narrower ones."""
PASSES, LARGEST = 2.5, 1.25
"""Passes through the text, beyond which a wider network is worth more than others, and weights for each of its tokens,
up to which it is."""
WIDE, ROWS = 768, 64
"""Units from which on batches are of so many rows: Muon's own products, one set a batch, are half of the step then."""
DROPOUTS = ((40.0, 0.5), (20.0, 0.4), (10.0, 0.3), (5.0, 0.2), (3.0, 0.1))
"""Passes through the text from which on a dropout is the best."""
STEPS = 3
"""That are timed of each network, the fastest of which counts, after one that packs its weights."""
LONGEST = 64
"""Steps of a batch that is timed where those of a training are not bounded."""
Rate = Callable[[LanguageSettings], tuple[float, int]]
"""Tokens a second that a network is trained at, and its weights; the narrowest is asked for first."""


def enough(seen: float, weights: int, text: float) -> bool:
    """Whether a network of so many weights is better than a narrower one, which would see more of the text."""
    often = seen >= PASSES * text and weights <= LARGEST * text
    return often or seen >= ENOUGH * weights**2


def dropout_for(passes: float) -> float:
    """Of a network that goes through its text so many times."""
    return next((share for least, share in DROPOUTS if passes >= least), 0.0)


def suited(settings: LanguageSettings, fixed: Collection[str], text: int, seconds: float, rate: Rate) -> Sized:
    """What suits so many seconds of training on a text of so many tokens. fixed: settings that somebody has set"""
    best, wider, measured, passes = settings, None, 0.0, 0.0
    for number, each in enumerate(_candidates(settings, fixed)):
        tokens, weights = rate(each)
        epochs = each.training.epochs
        seen = min(tokens * seconds, math.inf if epochs is None else epochs * text)
        if number and not enough(seen, weights, text):
            wider = each.network.hidden_size
            break
        best, measured, passes = each, tokens, seen / text
    if "dropout" not in fixed:
        best = best.changed(dropout=dropout_for(passes))
    network, training = best.network, best.training
    sizes = {"hidden_size": network.hidden_size, "batch_size": training.batch_size, "dropout": network.dropout}
    beyond = "" if wider is None else f"; {wider} are for more time"
    return Sized(
        sizes,
        f"{network.hidden_size} units, batches of {training.batch_size} and dropout {network.dropout:g} suit the "
        f"minutes: {measured:,.0f} tokens a second were measured, {passes:.2g} passes through the text{beyond}",
    )


def _candidates(settings: LanguageSettings, fixed: Collection[str]) -> Iterator[LanguageSettings]:
    """The narrowest first; what is fixed is as it is."""
    if settings.network.cell not in CELLS or not set(SHAPED).isdisjoint(fixed):
        yield settings
        return
    for width in WIDTHS:
        rows = settings.training.batch_size if "batch_size" in fixed or width < WIDE else ROWS
        yield settings.changed(hidden_size=width, batch_size=rows)


class Measuring:
    """How fast networks are trained here, each when it is asked for, the narrowest first.

    within: seconds, after which it follows from the last that was measured. Random numbers are left as they are.
    """

    def __init__(self, vocabulary: int, within: float, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self.vocabulary, self.clock = vocabulary, clock
        self.ends = clock() + within
        self.known: tuple[float, int] | None = None
        """Of the last: seconds for a token, and weights."""

    def rate(self, settings: LanguageSettings) -> tuple[float, int]:
        """Tokens a second, and weights."""
        weights = self.weights(settings)
        tokens = settings.training.batch_size * (settings.training.bptt or LONGEST)
        if self.known is not None:
            expected = self.known[0] * weights / self.known[1]
            if self.clock() + (STEPS + 1) * tokens * expected > self.ends:
                return 1 / expected, weights
        with torch.random.fork_rng([]):
            seconds = min(self._steps(settings)) / tokens
        self.known = seconds, weights
        return 1 / seconds, weights

    def weights(self, settings: LanguageSettings) -> int:
        """How many a network has."""
        with torch.device("meta"):
            return sum(weight.numel() for weight in NextToken(self.vocabulary, settings.network).parameters())

    def _steps(self, settings: LanguageSettings) -> Iterator[float]:
        """Seconds of each of a few training steps, on tokens that are drawn."""
        training, state = settings.training, None
        network = NextToken(self.vocabulary, settings.network)
        optimizer, weights = optimizer_of(network, training), list(network.parameters())
        shares = torch.rand(training.batch_size, training.bptt or LONGEST)
        tokens = (self.vocabulary**shares).long().clamp(max=self.vocabulary) - 1  # the first the most, as in a text
        for step in range(STEPS + 1):
            begun = self.clock()
            with torch.autocast("cpu", torch.bfloat16, enabled=training.precision == "bf16"):
                loss = network.loss(TokenBatch(tokens, tokens), state)
            torch.autograd.backward(loss.mean)
            clip_gradient(weights, training)
            optimizer.step()
            optimizer.zero_grad()
            state = None if loss.state is None else detached(loss.state)
            if step:
                yield self.clock() - begun
