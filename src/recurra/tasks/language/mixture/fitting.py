"""What is mixed with a network, and how much of it: as the validation part likes it best."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from recurra.baselines.kneser_ney import KneserNey
from recurra.data.corpus.mapped import Corpus
from recurra.tasks.language.baselines import best_n_gram
from recurra.tasks.language.mixture.cache import Cache, looked_up
from recurra.tasks.language.mixture.dynamic import CHUNK, Dynamic, sizes_of
from recurra.tasks.language.mixture.mixture import NETWORK, Floats, Mixture, read_text
from recurra.tasks.language.mixture.parts import CACHE, DYNAMIC, N_GRAMS
from recurra.tasks.language.trainee import Tokens
from recurra.topologies.many_to_many import NextToken

FITTED, FITTED_CACHE, FITTED_DYNAMIC = 1 << 16, 1 << 14, 1 << 13
"""Tokens of the validation part that shares are fitted on, the cache's theta and the steps of dynamic evaluation."""
SIZE = 2000
"""Tokens of a cache."""
SHARPNESS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Theta times the mean square of an output's length, of which the best is taken."""
RATES = (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
DECAYS = (1e-3, 1e-2, 5e-2)
STEPS = 60


def fit_mixture(
    network: NextToken,
    corpus: Corpus,
    parts: Sequence[str],
    say: Callable[[str], None] | None = None,
    *,
    counted: KneserNey | None = None,
) -> Mixture:
    """say: hears what is being fitted, in a few words; counted: `best_n_gram` of the corpus, if it is there already"""
    say = say or (lambda _: None)
    tokens = np.asarray(corpus.validation[: FITTED + 1])
    dynamic = _fitted_dynamic(network, corpus, tokens, say) if DYNAMIC in parts else None
    say("reading the validation part")
    read = read_text(network, tokens, dynamic, outputs=CACHE in parts)
    logs, n_grams, cache = {NETWORK: read.logs}, None, None
    if N_GRAMS in parts:
        if counted is None:
            say("counting n-grams")
            counted = best_n_gram(corpus)
        n_grams = counted
        logs[N_GRAMS] = n_grams.log_prob(tokens)[1:]
    if CACHE in parts and read.outputs is not None:
        say("fitting the cache")
        targets = torch.from_numpy(tokens[1:].astype(np.int64))
        cache = _fitted_cache(read.outputs, targets, logs)
        logs[CACHE] = cache.log_probabilities(read.outputs, targets).numpy()
    return Mixture(fitted_shares(logs)[0], n_grams, cache, dynamic)


def fitted_shares(logs: dict[str, Floats]) -> tuple[dict[str, float], float]:
    """The shares of the lowest loss, and that loss in nats per token.

    Maths:  argmax_share sum_n log sum_k share_k p_k(x_n), by expectation maximisation, concave
    Source: Jelinek & Mercer 1980, Interpolated estimation of Markov source parameters from sparse data
    """
    chances = np.exp(np.stack(list(logs.values())))  # [K, N]
    shares = np.full(len(chances), 1 / len(chances))
    for _ in range(STEPS):
        each = shares[:, None] * chances
        shares = (each / each.sum(0)).mean(1)
    loss = -float(np.log(shares @ chances).mean())
    return dict(zip(logs, shares.tolist(), strict=True)), loss


def _fitted_cache(outputs: torch.Tensor, targets: torch.Tensor, logs: dict[str, Floats]) -> Cache:
    """The theta whose cache mixes best with the others, on the first tokens."""
    thetas = [sharpness / float(outputs.double().square().sum(1).mean()) for sharpness in SHARPNESS]
    tried = looked_up(outputs[:FITTED_CACHE], targets[:FITTED_CACHE], thetas, SIZE).numpy()
    some = {name: part[:FITTED_CACHE] for name, part in logs.items()}
    best = min(range(len(thetas)), key=lambda i: fitted_shares(some | {CACHE: tried[i]})[1])
    return Cache(thetas[best], SIZE)


def _fitted_dynamic(network: NextToken, corpus: Corpus, tokens: Tokens, say: Callable[[str], None]) -> Dynamic:
    """The rate first, without a way back, then the way back."""
    chunk = CHUNK[corpus.vocabulary.level]
    say("looking at gradients of the training text")
    sizes = sizes_of(network, corpus.train, chunk)
    some = tokens[: FITTED_DYNAMIC + 1]

    def loss(how: Dynamic) -> float:
        say(f"learning at a rate of {how.rate:g}, back by {how.decay:g}")
        return -float(read_text(network, some, how, outputs=False).logs.mean())

    best, lowest = Dynamic(0.0, 0.0, chunk, sizes), float("inf")
    for rate in RATES:
        found = Dynamic(rate, 0.0, chunk, sizes)
        if (now := loss(found)) >= lowest:
            break
        best, lowest = found, now
    for decay in DECAYS if best.rate else ():
        found = Dynamic(best.rate, decay, chunk, sizes)
        if (now := loss(found)) >= lowest:
            break
        best, lowest = found, now
    return best
