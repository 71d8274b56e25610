"""Ranking: a candidate's score is its own, whatever stands beside it, with the end of its line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from recurra.baselines.kneser_ney import KneserNey
from recurra.data.tokens.given_tokens import Tokenised
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UnknownNameError, UsageError
from recurra.tasks.language.model import LanguageModel
from recurra.tasks.language.score import log_probabilities, rank
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import NextTokenSettings

TEXT = "the sun shines\nthe rain falls\nthe sun falls on the hill\n"
GROUPS = [["the sun shines", "the rain shines on the hill"], ["sun the", "rain", "the hill falls on the rain"]]


def model(text: str = TEXT) -> LanguageModel:
    vocabulary = Vocabulary.build([text], level="word")
    torch.manual_seed(0)
    network = NextToken(len(vocabulary), NextTokenSettings(cell="lstm", hidden_size=8, embedding_size=6, num_layers=2))
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    return LanguageModel(network, vocabulary)


def alone(made: LanguageModel, text: str) -> float:
    ids = np.concatenate([made.start(), made.vocabulary.encode(text + "\n")])
    total, state = 0.0, None
    with torch.inference_mode():
        for now, then in zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True):
            logits, state = made.network(torch.tensor([[now]]), state=state)
            total += float(logits[0, 0].double().log_softmax(0)[then])
    return total


def test_a_candidate_is_scored_as_by_itself_with_its_end() -> None:
    made = model()
    rankings = rank(made.network, made.vocabulary, made.start(), GROUPS)
    for ranking, group in zip(rankings, GROUPS, strict=True):
        assert [c.text for c in ranking.candidates] == group
        for candidate in ranking.candidates:
            assert candidate.log_probability == pytest.approx(alone(made, candidate.text), rel=1e-5)
            assert candidate.tokens == len(candidate.text.split()) + 1
            assert candidate.per_token == candidate.log_probability / candidate.tokens
        sums = [c.log_probability for c in ranking.candidates]
        assert ranking.winner == sums.index(max(sums))
        assert ranking.baseline_winner is None


def test_a_candidate_may_be_its_tokens() -> None:
    made = model()
    texts = rank(made.network, made.vocabulary, made.start(), GROUPS)
    given = [[Tokenised(text.split()) for text in group] for group in GROUPS]
    assert rank(made.network, made.vocabulary, made.start(), given) == texts


def test_what_decides_can_be_the_mean() -> None:
    made = model()
    for by, measure in (("total", "log_probability"), ("token", "per_token")):
        for ranking in rank(made.network, made.vocabulary, made.start(), GROUPS, by=by):
            values = [getattr(c, measure) for c in ranking.candidates]
            assert ranking.winner == values.index(max(values))
    with pytest.raises(UnknownNameError, match="unknown by 'mean'"):
        rank(made.network, made.vocabulary, made.start(), GROUPS, by="mean")


def test_the_n_gram_scores_the_same_tokens() -> None:
    made = model()
    grams = KneserNey.fit(made.vocabulary.encode(TEXT), len(made.vocabulary), 3)
    (ranking,) = rank(
        made.network, made.vocabulary, made.start(), [["the sun shines", "shines the sun"]], baseline=grams
    )
    ids = np.concatenate([made.start(), made.vocabulary.encode("the sun shines\n")])
    assert ranking.candidates[0].baseline == pytest.approx(float(grams.log_prob(ids)[1:].sum()))
    assert ranking.baseline_winner == 0
    assert ranking.to_json()["baseline_winner"] == 0


def test_a_text_without_lines_has_no_end_to_score() -> None:
    made = model("sun rain sun hill")
    (ranking,) = rank(made.network, made.vocabulary, made.start(), [["sun rain", "hill rain"]])
    assert [c.tokens for c in ranking.candidates] == [2, 2]


def test_what_may_follow_is_held_of_few_tokens_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model()
    whole = rank(made.network, made.vocabulary, made.start(), GROUPS)
    monkeypatch.setattr("recurra.tasks.language.score.MOST_LOGITS", 2 * len(made.vocabulary))
    for one, other in zip(rank(made.network, made.vocabulary, made.start(), GROUPS), whole, strict=True):
        found, expected = ([c.log_probability for c in each.candidates] for each in (one, other))
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_many_candidates_are_scored_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model()
    rng = np.random.default_rng(0)
    lines = [rng.integers(1, len(made.vocabulary), rng.integers(2, 30)) for _ in range(40)]
    whole = log_probabilities(made.network, lines)
    monkeypatch.setattr("recurra.tasks.language.score.BATCH_TOKENS", 60)
    assert log_probabilities(made.network, lines) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ([["a b", "c"], ["alone"]], "group 2 has fewer than two candidates"),
        ([[]], "group 1 has fewer than two candidates"),
        (["a b"], "group 1 has fewer than two candidates"),
        ([["the sun", "the\nrain"]], "a candidate is one line"),
        ([["the sun", "  "]], "the candidate '  ' has no token"),
    ],
)
def test_groups_that_cannot_be(groups: list[list[str]], says: str) -> None:
    made = model()
    with pytest.raises(UsageError, match=says):
        rank(made.network, made.vocabulary, made.start(), groups)
