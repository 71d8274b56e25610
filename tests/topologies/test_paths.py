"""Rows of tags as a whole, against all rows listed one by one."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
import torch
from torch import Tensor

from recurra.topologies.paths import Transitions

TAGS, TIME = 3, 4


def network(*, learned: bool = True, rules: bool = False) -> Transitions:
    """With rules: a row begins with 0, 2 never follows 0, a row never ends with 1."""
    follows, begins, ends = torch.ones(TAGS, TAGS, dtype=torch.bool), torch.tensor([True, False, False]), None
    follows[0, 2] = False
    ends = torch.tensor([True, False, True])
    found = Transitions(TAGS, (follows, begins, ends) if rules else None, learned=learned)
    generator = torch.Generator().manual_seed(1)
    for weight in found.parameters():
        torch.nn.init.normal_(weight, generator=generator)
    return found


def listed(model: Transitions, logits: Tensor, length: int) -> dict[tuple[int, ...], float]:
    """The score of every row of tags, impossible ones left out."""
    follows, begins, ends = (score.detach() for score in model.scores())
    found = {}
    for row in product(range(TAGS), repeat=length):
        score = begins[row[0]] + ends[row[-1]] + sum(logits[t, tag] for t, tag in enumerate(row))
        score = score + sum(follows[a, b] for a, b in pairwise(row))
        if float(score) > -1000:
            found[row] = float(score)
    return found


@pytest.mark.parametrize("rules", [False, True])
@pytest.mark.parametrize("learned", [False, True])
def test_everything_agrees_with_all_rows_listed(rules: bool, learned: bool) -> None:
    model = network(learned=learned, rules=rules)
    logits = torch.randn(3, TIME, TAGS, generator=torch.Generator().manual_seed(2))
    lengths = torch.tensor([4, 1, 3])
    best, chances = model.best(logits, lengths), model.probabilities(logits, lengths)
    tags = torch.tensor([[0, 1, 1, 2], [0, 0, 0, 0], [0, 1, 0, 0]])
    own = model.log_probability(logits, tags, lengths)
    for row, length in enumerate(lengths.tolist()):
        scores = listed(model, logits[row].detach(), length)
        assert tuple(best[row, :length].tolist()) == max(scores, key=scores.__getitem__)
        assert not best[row, length:].any()
        total = torch.tensor(list(scores.values())).logsumexp(0)
        wanted = scores[tuple(tags[row, :length].tolist())] - float(total)
        assert float(own[row].detach()) == pytest.approx(wanted, abs=1e-4)
        expected = torch.zeros(TIME, TAGS)
        for path, score in scores.items():
            for place, tag in enumerate(path):
                expected[place, tag] += (score - total).exp()
        torch.testing.assert_close(chances[row].detach(), expected, atol=1e-4, rtol=1e-4)


def test_a_rows_answer_never_depends_on_its_batch_mates() -> None:
    model = network(rules=True)
    logits = torch.randn(2, TIME, TAGS, generator=torch.Generator().manual_seed(3))
    lengths = torch.tensor([2, 4])
    alone = model.best(logits[:1, :2], lengths[:1])
    noisy = logits.clone()
    noisy[0, 2:] = 1e3
    assert model.best(noisy, lengths)[0, :2].tolist() == alone[0].tolist()
    tags = torch.zeros(2, TIME, dtype=torch.int64)
    torch.testing.assert_close(
        model.log_probability(noisy, tags, lengths)[0],
        model.log_probability(logits[:1, :2], tags[:1, :2], lengths[:1])[0],
    )


def test_the_loss_has_a_finite_gradient_beside_what_is_impossible() -> None:
    model = network(rules=True)
    logits = (100 * torch.randn(1, TIME, TAGS, generator=torch.Generator().manual_seed(4))).requires_grad_()
    model.log_probability(logits, torch.tensor([[0, 1, 2, 0]]), torch.tensor([TIME])).sum().backward()
    gradients = [logits.grad, *(weight.grad for weight in model.parameters())]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


def test_the_gradient_is_that_of_all_rows_listed() -> None:
    """Each sentence with a weight of its own, as no mean has them."""
    model = network()
    logits = torch.randn(2, TIME, TAGS, generator=torch.Generator().manual_seed(5)).requires_grad_()
    lengths, weights = torch.tensor([4, 2]), torch.tensor([1.0, -3.0])
    tags = torch.zeros(2, TIME, dtype=torch.int64)
    (weights * model.log_probability(logits, tags, lengths)).sum().backward()
    found = [logits.grad, *(weight.grad for weight in model.parameters())]
    logits.grad = None
    model.zero_grad()
    follows, begins, ends = model.scores()
    total = torch.zeros(())
    for row, length in enumerate(lengths.tolist()):
        scores = torch.stack(
            [
                begins[path[0]]
                + ends[path[-1]]
                + torch.stack([logits[row, t, tag] for t, tag in enumerate(path)]).sum()
                + torch.stack([follows[a, b] for a, b in pairwise(path)]).sum()
                for path in product(range(TAGS), repeat=length)
            ]
        )
        total = total + weights[row] * scores.log_softmax(0)[0]
    total.backward()
    for mine, theirs in zip(found, [logits.grad, *(weight.grad for weight in model.parameters())], strict=True):
        torch.testing.assert_close(mine, theirs)


def test_rules_are_no_weights() -> None:
    """A model folder keeps what was learned; the rules follow from the tags."""
    assert list(network(rules=True).state_dict()) == ["follows", "begins", "ends"]
    assert not network(learned=False, rules=True).state_dict()
