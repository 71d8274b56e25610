"""Output layers: both are distributions, and the losses of targets are what the whole distribution says."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from recurra.errors import UsageError
from recurra.topologies import outputs
from recurra.topologies.many_to_many import MANY, NextToken, output_for
from recurra.topologies.outputs import OFFSET, AdaptiveSoftmax, SampledSoftmax, Softmax, cutoffs
from recurra.topologies.settings import NextTokenSettings


@pytest.mark.parametrize("size", [64, 65, 100, 1000, 10_000, 300_000])
def test_groups_grow_and_lie_within_the_vocabulary(size: int) -> None:
    edges = (0, *cutoffs(size), size)
    assert all(a < b for a, b in pairwise(edges))


@pytest.mark.parametrize("kind", [Softmax, SampledSoftmax, AdaptiveSoftmax])
def test_losses_are_those_of_the_whole_distribution(kind: type[Softmax | AdaptiveSoftmax]) -> None:
    torch.manual_seed(0)
    layer = kind(5, 80).double()
    y = torch.randn(300, 5, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(80, (300,))
    whole = layer(y).log_softmax(-1)
    torch.testing.assert_close(whole.exp().sum(-1), torch.ones(300, dtype=torch.float64), rtol=1e-6, atol=1e-6)
    expected = -whole[torch.arange(300), targets]
    found = layer.losses(y, targets)
    torch.testing.assert_close(found, expected.to(found.dtype), rtol=1e-5, atol=1e-5)
    gradients = [torch.autograd.grad(losses.sum(), [y, *layer.parameters()]) for losses in (expected, found)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_adaptive_outputs_are_log_probabilities() -> None:
    layer = AdaptiveSoftmax(3, 64)
    y = torch.randn(2, 4, 3)
    torch.testing.assert_close(layer(y).logsumexp(-1), torch.zeros(2, 4), rtol=0, atol=1e-5)


def test_targets_of_the_head_alone_need_no_group() -> None:
    layer = AdaptiveSoftmax(3, 64)
    layer.losses(torch.randn(5, 3), torch.zeros(5, dtype=torch.int64)).sum().backward()
    assert layer.weight.grad is not None
    assert (layer.weight.grad[layer.edges[1] :] == 0).all()
    assert (layer.weight.grad[0] != 0).any()


@pytest.mark.parametrize("kind", [AdaptiveSoftmax, SampledSoftmax])
def test_few_tokens_have_no_groups(kind: type[AdaptiveSoftmax | SampledSoftmax]) -> None:
    with pytest.raises(UsageError, match="64 tokens at least; this one has 63"):
        kind(3, 63)


def test_biases_start_from_the_usual_frequencies() -> None:
    """Of a text whose words are as frequent as the ranks say, the first loss is the entropy, not log V."""
    size = 1000
    usual = 1 / (torch.arange(size) + OFFSET)
    y = torch.zeros(1, 4)
    for kind in (SampledSoftmax, AdaptiveSoftmax):
        found = kind(4, size)(y).softmax(-1)[0]
        torch.testing.assert_close(found, usual / usual.sum(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", [Softmax, SampledSoftmax, AdaptiveSoftmax])
def test_weights_are_counted_without_being_made(kind: type[Softmax | AdaptiveSoftmax]) -> None:
    made = [weight.shape for weight in kind(4, 100).parameters()]
    with torch.device("meta"):
        assert [weight.shape for weight in kind(4, 100).parameters()] == made


def _sampled(width: int, count: int) -> tuple[SampledSoftmax, Tensor, Tensor]:
    torch.manual_seed(0)
    layer = SampledSoftmax(width, count).double()
    torch.nn.init.normal_(layer.bias)
    return layer, torch.randn(30, width, dtype=torch.float64), torch.arange(30) * (count - 1) // 29


def test_a_sample_of_all_tokens_is_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "SHARE", 100.0)
    layer, y, targets = _sampled(5, 300)
    y.requires_grad_()
    found, whole = layer.mean_loss(y, targets), layer.losses(y, targets).mean()
    torch.testing.assert_close(found, whole)
    for part in zip(*(torch.autograd.grad(loss, [y, *layer.parameters()]) for loss in (found, whole)), strict=True):
        torch.testing.assert_close(*part)


def test_a_sum_of_samples_is_the_whole_sum_in_the_mean() -> None:
    """The law of the estimate: what a draw says of the sum over all tokens is right on average, whatever the target."""
    layer, y, targets = _sampled(3, 300)
    with torch.no_grad():
        logits = layer(y)
        own = logits.gather(1, targets[:, None])[:, 0]
        found = []
        for row in range(len(y)):
            draws = torch.stack([layer.mean_loss(y[row : row + 1], targets[row : row + 1]) for _ in range(400)])
            found.append(((draws + own[row]).exp().mean(), draws.exp().std() * own[row].exp() / 20))
    means, errors = map(torch.stack, zip(*found, strict=True))
    whole = logits.exp().sum(1)
    assert ((means - whole).abs() < 5 * errors + 0.01 * whole).all()
    assert (errors > 0).all()


def test_a_sample_is_drawn_in_training_alone() -> None:
    layer, y, targets = _sampled(5, 300)
    assert layer.mean_loss(y, targets) != layer.mean_loss(y, targets)
    ids, weights, _ = layer._drawn(y.device)
    assert len(ids) == len(ids.unique()) < 300
    torch.testing.assert_close(weights.sum(), torch.tensor(300.0))
    layer.eval()
    torch.testing.assert_close(layer.mean_loss(y, targets), layer.losses(y, targets).mean())


def test_the_vocabulary_chooses_unless_the_user_does() -> None:
    settings = NextTokenSettings()
    assert output_for(MANY - 1, settings) == "softmax"
    assert output_for(MANY, settings) == "adaptive"
    assert output_for(MANY, settings.model_copy(update={"output": "softmax"})) == "softmax"


@pytest.mark.parametrize("output", ["softmax", "sampled", "adaptive"])
@pytest.mark.parametrize("tied", [False, True])
def test_a_model_tells_losses_as_its_outputs_do(output: str, tied: bool) -> None:
    torch.manual_seed(0)
    settings = NextTokenSettings.model_validate(
        {"hidden_size": 6, "embedding_size": 6, "output": output, "tie_weights": tied}
    )
    model = NextToken(70, settings).eval()
    tokens, targets = torch.randint(70, (3, 5)), torch.randint(70, (3, 5))
    logits, state = model(tokens)
    losses, same = model.losses(tokens, targets)
    expected = -logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0]
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-5)
    assert all(torch.equal(a, b) for a, b in zip(state, same, strict=True))
    last, _ = model.hidden(tokens)
    torch.testing.assert_close(model.head(last[:, -1:]), logits[:, -1:])
    assert (model.head.weight is model.table.weight) == tied


def test_one_mask_for_all_steps_of_a_row() -> None:
    torch.manual_seed(0)
    settings = NextTokenSettings(hidden_size=40, embedding_size=4, dropout=0.5, variational=True)
    model = NextToken(9, settings)
    kept = []
    model.head.register_forward_pre_hook(lambda module, inputs: kept.append(inputs[0] != 0))
    model(torch.randint(9, (3, 7)))
    (mask,) = kept
    assert torch.equal(mask, mask[:, :1].expand_as(mask))
    assert not torch.equal(mask[0], mask[1])
    assert 0.2 < float(mask.float().mean()) < 0.8
