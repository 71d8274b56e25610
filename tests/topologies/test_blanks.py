"""Gaps: nothing of what is asked for is seen, padding never matters, a search gives the true probabilities."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.errors import UsageError
from recurra.topologies import fill_search
from recurra.topologies.fill import SIDES, BlankFiller, Candidates
from recurra.topologies.fill_search import fill_blank
from recurra.topologies.settings import BlankFillerSettings

LENGTHS = torch.tensor([7, 2, 5, 1, 9, 3])


def network(vocabulary: int = 11, longest: int = 1, **given: Any) -> BlankFiller:
    torch.manual_seed(0)
    made = BlankFiller(
        vocabulary,
        BlankFillerSettings(**{"cell": "gru", "hidden_size": 5, "embedding_size": 4} | given),
        longest=longest,
    )
    for parameter in made.parameters():  # livelier than a fresh network
        nn.init.normal_(parameter, std=0.5)
    return made.eval()


def ragged(vocabulary: int = 11) -> Tensor:
    torch.manual_seed(1)
    tokens = torch.randint(1, vocabulary, (len(LENGTHS), int(LENGTHS.max())))
    return tokens.masked_fill(torch.arange(tokens.shape[1]) >= LENGTHS[:, None], 0)


# what is seen


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_blank_never_sees_what_was_in_it(place: int, width: int) -> None:
    made, length = network(longest=3, num_layers=2), 7

    def around(tokens: list[int]) -> tuple[Tensor, Tensor]:
        f, b = made.read_sentences(torch.tensor([tokens]), torch.tensor([length]))
        return f[0, place], b[0, length - place - width]

    plain = [1, 2, 3, 4, 5, 6, 7]
    f, b = around(plain)
    for i in range(length):
        other_f, other_b = around([*plain[:i], 9, *plain[i + 1 :]])
        assert torch.allclose(f, other_f, atol=1e-6) == (i >= place)
        assert torch.allclose(b, other_b, atol=1e-6) == (i < place + width)


def test_a_row_never_depends_on_its_neighbours() -> None:
    made, tokens = network(), ragged()
    f, b = made.read_sentences(tokens, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = made.read_sentences(tokens[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(f[row, :length], alone[0][0])
        torch.testing.assert_close(b[row, :length], alone[1][0])


def test_each_head_looks_at_its_own_side() -> None:
    made = network(longest=2)
    f, b, one = torch.randn(3, 5), torch.randn(3, 5), torch.ones(3, dtype=torch.int64)
    other = torch.randn(3, 5)
    for side in SIDES:
        same = made.output(side, f, b, one)
        assert torch.equal(same, made.output(side, f, other, one)) == (side == "forward")
        assert torch.equal(same, made.output(side, other, b, one)) == (side == "backward")
    assert not torch.equal(made.output("both", f, b, one), made.output("both", f, b, one + 1))


def test_the_unknown_token_never_fills_a_blank() -> None:
    made = network()
    logits = made.logits(torch.randn(4, 4))
    assert torch.isinf(logits[:, 0]).all()
    assert torch.isfinite(logits[:, 1:]).all()


# some of the vocabulary


def test_all_of_the_vocabulary_as_candidates_is_the_plain_loss() -> None:
    made, targets = network(), torch.tensor([3, 9, 1, 3])
    u = torch.randn(4, 4)
    sampled = Candidates(targets, torch.full((11,), 1 / 11), 11)
    expected = functional.cross_entropy(made.logits(u, "forward"), targets)
    torch.testing.assert_close(made.loss_of(u, targets, "forward", sampled), expected)
    torch.testing.assert_close(made.loss_of(u, targets, "forward", None), expected)


def test_candidates_hold_the_targets_and_know_their_chance() -> None:
    targets, shares = torch.tensor([30, 2, 30]), torch.full((40,), 1 / 40)
    sampled = Candidates(targets, shares, 10)
    assert torch.equal(sampled.ids[sampled.indices], targets)
    assert 10 <= len(sampled.ids) <= 12
    expected = torch.tensor(1 - (39 / 40) ** 3 * (30 / 40)).log()
    torch.testing.assert_close(sampled.log_chance, expected.expand(len(sampled.ids)))


def test_what_fits_the_candidates_fits_the_vocabulary() -> None:
    torch.manual_seed(0)
    shares = torch.tensor([0.3, 0.25, 0.15, 0.1, 0.06, 0.05, 0.04, 0.02, 0.02, 0.01]).double()
    scores = torch.zeros(10, requires_grad=True)
    optimizer = torch.optim.Adam([scores], lr=0.03)
    for step in range(800):
        optimizer.param_groups[0]["lr"] = 0.03 * (1 - step / 800)
        targets = torch.multinomial(shares, 12, replacement=True)
        sampled = Candidates(targets, shares, 3)
        optimizer.zero_grad()
        sampled.loss(torch.zeros(12, 1), torch.zeros(10, 1), scores).backward()
        optimizer.step()
    torch.testing.assert_close(scores.detach().softmax(0).double(), shares, atol=0.03, rtol=0)


# search


@torch.inference_mode()
def by_hand(made: BlankFiller, left: list[int], right: list[int]) -> dict[tuple[int, ...], float]:
    """The probability of every possible content, one token at a time."""
    found = {}
    for length in range(1, made.longest + 1):
        for content in itertools.product(range(1, made.vocabulary_size), repeat=length):
            tokens = torch.tensor([[*left, *content, *right]])
            f, b = made.read_sentences(tokens, torch.tensor([tokens.shape[1]]))
            behind = b[:, len(right)]
            chance = made.length_logits(f[:, len(left)], behind).softmax(1)[0, length - 1] if made.longest > 1 else 1
            for i, token in enumerate(content):
                blanks = torch.tensor([length - i])
                chance = (
                    chance * made.logits(made.output("both", f[:, len(left) + i], behind, blanks)).softmax(1)[0, token]
                )
            found[content] = float(chance)
    return found


@pytest.mark.parametrize("longest", [1, 2])
@pytest.mark.parametrize(("left", "right"), [([1, 2], [3]), ([], [4, 1]), ([2], [])])
def test_a_search_gives_the_true_probabilities(left: list[int], right: list[int], longest: int) -> None:
    made = network(5, longest, num_layers=2, cell="lstm")
    expected = by_hand(made, left, right)
    assert sum(expected.values()) == pytest.approx(1, abs=1e-5)
    found = fill_blank(made, left, right, top=100)
    assert {tuple(content): chance for content, chance in found} == pytest.approx(expected, abs=1e-6)
    assert [chance for _, chance in found] == sorted((chance for _, chance in found), reverse=True)
    assert fill_blank(made, left, right, top=3) == found[:3]


def test_a_narrow_beam_finds_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_search, "BEAM", 2)
    made = network(5, 2)
    found = fill_blank(made, [1], [2], top=2)
    best = sorted(by_hand(made, [1], [2]).values(), reverse=True)
    assert len(found) == 2
    assert all(chance <= true + 1e-6 for (_, chance), true in zip(found, best, strict=False))
    with pytest.raises(UsageError, match="top must be a whole number from 1, got 0"):
        fill_blank(made, [1], [2], top=0)
