"""Mixtures: probabilities that sum to one, do not know what comes later, and are the same read whole or in steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from recurra.baselines.kneser_ney import KneserNey
from recurra.data.corpus.mapped import Corpus
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UnknownNameError, UsageError
from recurra.tasks.language.mixture import report as of_reports
from recurra.tasks.language.mixture.cache import Cache, looked_up
from recurra.tasks.language.mixture.dynamic import Dynamic, sizes_of
from recurra.tasks.language.mixture.fitting import fit_mixture, fitted_shares
from recurra.tasks.language.mixture.mixture import Mixture
from recurra.tasks.language.mixture.parts import PARTS, parts_of
from recurra.tasks.language.mixture.report import beside_each_other, beside_each_other_within
from recurra.tasks.language.model import LanguageModel
from recurra.tasks.language.trainee import nats_per_token
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import NextTokenSettings

TOKENS = 70
SHARES = {"network": 0.5, "n-grams": 0.3, "cache": 0.2}


def text(count: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Runs that come again, so that there is something to remember."""
    rng = np.random.default_rng(seed)
    runs = np.random.default_rng(0).integers(TOKENS, size=(6, 7))
    return np.concatenate([runs[rng.integers(6)] for _ in range(count // 7 + 1)])[:count].astype(np.uint16)


def network(output: str = "softmax", **given: Any) -> NextToken:
    torch.manual_seed(1)
    made = NextToken(TOKENS, NextTokenSettings(cell="lstm", hidden_size=8, embedding_size=8, output=output, **given))
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.4)
    return made.eval()


def mixture(parts: tuple[str, ...], own: NextToken) -> Mixture:
    """Of these parts, with a short cache and steps that are large, so that a mistake in either shows."""
    shares = {name: share for name, share in SHARES.items() if name in (*parts, "network")}
    total = sum(shares.values())
    return Mixture(
        {name: share / total for name, share in shares.items()},
        KneserNey.fit(text(200, 3), TOKENS, 3) if "n-grams" in parts else None,
        Cache(0.5, 9) if "cache" in parts else None,
        Dynamic(0.02, 0.05, 5, sizes_of(own, text(200, 3), 5)) if "dynamic" in parts else None,
    )


KINDS = [("n-grams",), ("cache",), ("dynamic",), PARTS]


@pytest.mark.parametrize("parts", KINDS)
@pytest.mark.parametrize("settings", [{}, {"output": "sampled"}, {"output": "adaptive", "tie_weights": True}])
def test_steps_say_what_the_whole_says_and_sum_to_one(parts: tuple[str, ...], settings: dict[str, Any]) -> None:
    own = network(**settings)
    mixed, tokens = mixture(parts, own), text(40)
    whole = mixed.log_probabilities(own, tokens)
    reading = mixed.reading(own)
    for place, token in enumerate(tokens[:-1]):
        reading.push([int(token)])
        following = reading.next()
        assert float(following.exp().sum()) == pytest.approx(1, abs=1e-6)
        assert float(following[int(tokens[place + 1])]) == pytest.approx(whole[place], abs=1e-4)
    assert mixed.parts == parts


@pytest.mark.parametrize("parts", KINDS)
def test_what_comes_later_changes_nothing(parts: tuple[str, ...]) -> None:
    own = network()
    count = 240 if "dynamic" in parts else 2600  # which is read in several streams where nothing learns
    mixed, tokens = mixture(parts, own), text(count)
    other = tokens.copy()
    other[count // 2 :] = text(count // 2, seed=9)
    before, after = (mixed.log_probabilities(own, each) for each in (tokens, other))
    same = count // 2 - 1
    assert np.array_equal(before[:same], after[:same])
    assert not np.allclose(before[same:], after[same:])


def test_a_network_alone_is_the_plain_evaluation_and_stays_as_it_is() -> None:
    own, tokens = network(), text(1500)
    weights = {name: value.clone() for name, value in own.state_dict().items()}
    alone = Mixture({"network": 1.0})
    assert -alone.log_probabilities(own, tokens).mean() == pytest.approx(nats_per_token(own, tokens), rel=1e-9)
    learned = mixture(("dynamic",), own)
    assert -learned.log_probabilities(own, tokens).mean() < nats_per_token(own, tokens) - 0.5
    assert all(torch.equal(weights[name], value) for name, value in own.state_dict().items())


def test_a_cache_by_its_formula() -> None:
    rng = np.random.default_rng(0)
    outputs, targets = torch.from_numpy(rng.normal(size=(600, 4))), torch.from_numpy(rng.integers(5, size=600))
    found = looked_up(outputs, targets, [0.3, 2.0], 20)
    for place in (0, 1, 7, 255, 256, 599):
        first = max(0, place - 20)
        for row, theta in enumerate((0.3, 2.0)):
            weights = (theta * outputs[first:place] @ outputs[place]).exp()
            hits = weights[targets[first:place] == targets[place]].sum()
            expected = float((hits / weights.sum()).log()) if float(hits) else float("-inf")
            assert float(found[row, place]) == pytest.approx(expected, rel=1e-9)


def test_shares_are_the_best_ones() -> None:
    rng = np.random.default_rng(0)
    logs = {name: np.log(rng.uniform(0.01, 0.9, 500)) for name in ("network", "n-grams")}
    shares, loss = fitted_shares(logs)
    assert sum(shares.values()) == pytest.approx(1)
    for own in np.linspace(0, 1, 21):
        mixed = own * np.exp(logs["network"]) + (1 - own) * np.exp(logs["n-grams"])
        assert loss <= -np.log(mixed).mean() + 1e-4


def test_what_is_fitted_is_better_than_the_network_alone() -> None:
    own = network()
    vocabulary = Vocabulary(["<unk>", *(chr(0x4E00 + i) for i in range(TOKENS - 1))], level="char", normalize=())
    parts = text(3000), text(900, seed=1), text(900, seed=2)
    corpus = Corpus(vocabulary, *parts, sha256={}, characters={})
    heard: list[str] = []
    fitted = fit_mixture(own, corpus, PARTS, heard.append)
    assert fitted.parts == PARTS
    assert fitted.dynamic is not None
    assert fitted.dynamic.rate > 0
    assert "fitting the cache" in heard
    assert sum(fitted.shares.values()) == pytest.approx(1)
    plain = nats_per_token(own, corpus.test)
    for one in PARTS:
        alone = fit_mixture(own, corpus, (one,))
        assert -alone.log_probabilities(own, corpus.test).mean() < plain - 0.1


def test_texts_are_drawn_from_the_mixture() -> None:
    words = Vocabulary.build(["a b c d e f g"], level="word")
    torch.manual_seed(0)
    own = NextToken(len(words), NextTokenSettings(hidden_size=4, embedding_size=4))
    made = LanguageModel(own, words)
    counted = KneserNey.fit(np.tile(words.encode("a b c d e f g"), 50), len(words), 2)
    grams = Mixture({"network": 0.01, "n-grams": 0.99}, counted)
    assert made.generate("a", 6, temperature=0, mixture=grams).split() == list("abcdefg")
    assert made.generate("a", 20, seed=1, mixture=Mixture({"network": 1.0})) == made.generate("a", 20, seed=1)
    learning = Mixture({"network": 1.0}, dynamic=Dynamic(0.05, 0.0, 3, sizes_of(own, words.encode("a b c d e f g"), 3)))
    assert made.generate("a", 30, seed=1, mixture=learning) != made.generate("a", 30, seed=1)
    with pytest.raises(UsageError, match=r"Run\.mixture"):
        made.generate("a", 3, mixture="cache")


def test_parts_are_named() -> None:
    assert parts_of("cache, n-grams") == ("n-grams", "cache")
    assert parts_of(["dynamic"]) == ("dynamic",)
    assert parts_of("all") == PARTS
    with pytest.raises(UnknownNameError, match=r"cash.*did you mean 'cache'"):
        parts_of("cash")
    with pytest.raises(UsageError, match="one part at least"):
        parts_of([])


def test_a_report_says_what_mixing_gains_where_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    own = network()
    vocabulary = Vocabulary(["<unk>", *(chr(0x4E00 + i) for i in range(TOKENS - 1))], level="char", normalize=())
    corpus = Corpus(vocabulary, text(3000), text(900, seed=1), text(900, seed=2), sha256={}, characters={})
    table = beside_each_other(own, corpus, corpus.test, "test")
    assert table is not None
    assert [row[0] for row in table.rows] == ["network alone", "with n-grams", "with n-grams and a cache"]
    assert float(table.rows[0][1]) == pytest.approx(nats_per_token(own, corpus.test), abs=1e-4)
    assert float(table.rows[1][1]) < float(table.rows[0][1])
    assert "network" in table.rows[2][3]
    assert beside_each_other(own, replace(corpus, validation=corpus.validation[:1]), corpus.test, "test") is None
    assert beside_each_other_within(own, corpus, corpus.test, "test", 1e6) == (table, [])
    monkeypatch.setattr(of_reports, "affordable", lambda probed, took, seconds: probed - 1)
    left_out, (note,) = beside_each_other_within(own, corpus, corpus.test, "test", 1e6)
    assert left_out is None
    small = replace(corpus, validation=corpus.validation[:1])
    assert beside_each_other_within(own, small, corpus.test, "test", 1.0) == (None, [])
    assert "recurra evaluate RUN --mixture all" in note
