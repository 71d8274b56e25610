"""The two wirings: padding never matters, truncation cuts gradients and nothing else, tied weights stay tied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from recurra import model_folder
from recurra.engines.request import Embedded
from recurra.errors import UsageError
from recurra.topologies import linear_loss
from recurra.topologies.carry import detached, reset_rows
from recurra.topologies.embedding import TokenTable
from recurra.topologies.many_to_many import NextToken, TokenBatch
from recurra.topologies.many_to_one import SequenceClassifier
from recurra.topologies.settings import ClassifierSettings, NextTokenSettings
from recurra.topologies.stacks import build_stack, run_truncated
from recurra.topologies.time_pooling import pooled

LENGTHS = torch.tensor([7, 2, 5, 1, 9, 3])
POOLINGS = ("last", "mean", "max", "all")
SHAPES: tuple[dict[str, Any], ...] = (
    {},
    {"bidirectional": True},
    {"bidirectional": True, "merge": "sum"},
    {"num_layers": 2, "cell": "lstm"},
    {"cell": "peephole-lstm", "learned_state": True},
)


SMALL: dict[str, Any] = {"cell": "gru", "hidden_size": 5, "embedding_size": 4}


def small(**given: Any) -> ClassifierSettings:
    return ClassifierSettings(**SMALL | given)


def small_language(**given: Any) -> NextTokenSettings:
    return NextTokenSettings(**SMALL | given)


def ragged(seed: int = 0, vocabulary: int = 11) -> Tensor:
    torch.manual_seed(seed)
    tokens = torch.randint(1, vocabulary, (len(LENGTHS), int(LENGTHS.max())))
    return tokens.masked_fill(torch.arange(tokens.shape[1]) >= LENGTHS[:, None], 0)


# the token table


def test_the_table_is_handed_on_as_a_table() -> None:
    table, tokens = TokenTable(11, 4, dropout=0.5), ragged()
    found = table(tokens)
    assert isinstance(found, Embedded)
    assert found.tokens is tokens
    assert found.table.shape == (11, 4)


def test_dropout_leaves_out_whole_tokens_and_scales_the_rest() -> None:
    torch.manual_seed(0)
    table, tokens = TokenTable(2000, 3, dropout=0.25), torch.arange(2000).view(4, 500)
    share = table(tokens).table / table.weight
    torch.testing.assert_close(share, share[:, :1].expand_as(share))
    assert ((share == 0) | torch.isclose(share, torch.tensor(1 / 0.75))).all()
    assert float((share[:, 0] == 0).float().mean()) == pytest.approx(0.25, abs=0.05)
    assert table.eval()(tokens).table is table.weight


def test_of_a_large_table_only_what_occurs_is_handed_on() -> None:
    table, tokens = TokenTable(2000, 3), ragged() + 1000
    found = table(tokens)
    assert len(found.table) == len(tokens.unique()) < tokens.numel()
    assert torch.equal(found.dense(), table.weight[tokens])


def test_column_dropout_leaves_out_the_same_places_of_every_token() -> None:
    torch.manual_seed(0)
    table, tokens = TokenTable(5, 400, column_dropout=0.25), torch.arange(5).repeat(2, 2)
    share = table(tokens).table / table.weight
    torch.testing.assert_close(share, share[:1].expand_as(share))
    assert ((share == 0) | torch.isclose(share, torch.tensor(1 / 0.75))).all()
    assert float((share[0] == 0).float().mean()) == pytest.approx(0.25, abs=0.06)


def test_dropped_tokens_learn_nothing_in_that_batch() -> None:
    torch.manual_seed(1)
    table = TokenTable(11, 4, dropout=0.5)
    found = table(ragged())
    found.dense().square().sum().backward()
    gone = (found.table == 0).all(1)
    assert gone.any()
    assert table.weight.grad is not None
    assert (table.weight.grad[gone] == 0).all()


# the classifier


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("more", SHAPES)
def test_padding_and_batch_mates_never_matter(pooling: str, more: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = SequenceClassifier(11, 3, small(pooling=pooling, **more)).eval()
    tokens = ragged()
    together, _ = network(tokens, LENGTHS)
    other = tokens.masked_fill(torch.arange(9) >= LENGTHS[:, None], 7)
    torch.testing.assert_close(network(other, LENGTHS)[0], together)
    wider = torch.cat([tokens, torch.full((6, 4), 3)], 1)
    torch.testing.assert_close(network(wider, LENGTHS)[0], together)
    for row, length in enumerate(LENGTHS.tolist()):
        alone, _ = network(tokens[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(alone[0], together[row])


def test_pooling_by_hand() -> None:
    stack = build_stack(4, small())
    y = torch.tensor([[[1.0, -2.0], [3.0, -4.0], [0.0, 0.0]]])
    state = (torch.tensor([[[3.0, -4.0]]]),)
    length = torch.tensor([2])
    assert pooled("last", stack, y, state, length).tolist() == [[3.0, -4.0]]
    assert pooled("mean", stack, y, state, length).tolist() == [[2.0, -3.0]]
    assert pooled("max", stack, y, state, length).tolist() == [[3.0, -2.0]]
    assert pooled("all", stack, y, state, length).tolist() == [[3.0, -4.0, 2.0, -3.0, 3.0, -2.0]]


# truncation


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8, 9, 20])
@pytest.mark.parametrize(
    "more", [{}, {"num_layers": 2, "cell": "lstm"}, {"cell": "minimal-gru", "learned_state": True}]
)
def test_a_truncated_run_has_the_outputs_of_the_whole(steps: int, more: dict[str, Any]) -> None:
    torch.manual_seed(0)
    stack = build_stack(4, small(**more))
    x = Embedded(ragged(), torch.randn(11, 4))
    y, state = stack(x, lengths=LENGTHS)
    cut_y, cut_state = run_truncated(stack, x, LENGTHS, steps)
    torch.testing.assert_close(cut_y, y)
    torch.testing.assert_close(cut_state, state)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("steps", [1, 3, 4])
def test_a_truncated_gradient_is_that_of_rows_cut_by_hand(pooling: Any, steps: int) -> None:
    """Each row alone, chunk by chunk, its state detached between: also for rows that end chunks before the batch."""
    torch.manual_seed(0)
    network = SequenceClassifier(11, 3, small(pooling=pooling, learned_state=True)).double()
    for start in network.stack.parameters():
        torch.nn.init.normal_(start, std=0.5)
    tokens, weights = ragged(), torch.randn(6, 3, dtype=torch.float64)
    (network.truncated(tokens, LENGTHS, steps)[0] * weights).sum().backward()
    found = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    network.zero_grad()
    for row, length in enumerate(LENGTHS.tolist()):
        state, outputs = network.stack.initial_state(1), []
        for start in range(0, length, steps):
            x = network.table(tokens[row : row + 1, start : min(start + steps, length)])
            y, state = network.stack(x, detached(state) if start else state)
            outputs.append(y)
        seen = pooled(pooling, network.stack, torch.cat(outputs, 1), state, torch.tensor([length]))
        (network.head(seen) * weights[row]).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(found[name], parameter.grad, msg=lambda text, name=name: f"{name}: {text}")


def test_truncation_as_long_as_the_batch_is_none() -> None:
    torch.manual_seed(0)
    network, tokens = SequenceClassifier(11, 3, small()), ragged()
    whole = torch.autograd.grad(network(tokens, LENGTHS)[0].sum(), list(network.parameters()))
    for steps in (9, 100):
        cut = torch.autograd.grad(network.truncated(tokens, LENGTHS, steps)[0].sum(), list(network.parameters()))
        assert all(torch.equal(a, b) for a, b in zip(whole, cut, strict=True))
    shorter = torch.autograd.grad(network.truncated(tokens, LENGTHS, 2)[0].sum(), list(network.parameters()))
    assert any(not torch.allclose(a, b) for a, b in zip(whole, shorter, strict=True))


def test_two_directions_cannot_be_truncated() -> None:
    network = SequenceClassifier(11, 3, small(bidirectional=True))
    with pytest.raises(UsageError, match="forward only"):
        network.truncated(ragged(), LENGTHS, 2)


# the language model


def test_chunks_with_the_state_passed_on_equal_one_long_run() -> None:
    torch.manual_seed(0)
    network = NextToken(11, small_language(cell="lstm", num_layers=2, learned_state=True)).eval()
    tokens = torch.randint(11, (3, 12))
    whole, last = network(tokens)
    first, state = network(tokens[:, :5])
    second, state = network(tokens[:, 5:], state=state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(state, last)


def test_tied_weights_are_one_and_stay_one_through_a_folder(tmp_path: Path) -> None:
    settings = small_language(hidden_size=4, tie_weights=True)
    torch.manual_seed(0)
    network = NextToken(11, settings).eval()
    assert network.head.weight is network.table.weight
    assert sum(p is network.table.weight for p in network.parameters()) == 1
    model_folder.write(tmp_path / "m", config={}, preprocessing={}, weights=network.state_dict(), metrics={})
    again = NextToken(11, settings).eval()
    again.load_state_dict(model_folder.read(tmp_path / "m").weights())
    assert again.head.weight is again.table.weight
    tokens = torch.randint(11, (2, 6))
    assert torch.equal(again(tokens)[0], network(tokens)[0])
    loose = NextToken(11, small_language(hidden_size=4)).eval()
    loose.table.gain = network.table.gain  # tied vectors are lengthened when they are read
    loose.load_state_dict(model_folder.read(tmp_path / "m").weights())
    assert torch.equal(loose(tokens)[0], network(tokens)[0])


def test_a_tied_weight_learns_from_both_of_its_ends() -> None:
    network = NextToken(11, small_language(hidden_size=4, tie_weights=True))
    network(torch.tensor([[1, 2]]))[0][..., 5].sum().backward()
    assert network.table.weight.grad is not None
    rows = network.table.weight.grad.abs().sum(1) > 0
    assert rows[5]  # as an output
    assert rows[1]  # as an input


def test_what_a_language_model_cannot_have_is_refused() -> None:
    with pytest.raises(UsageError, match="embedding_size = hidden_size, got 4 and 5"):
        NextToken(11, small_language(tie_weights=True))


def test_reset_rows_puts_rows_back_to_the_start_and_leaves_the_others():
    state, start = (
        (torch.ones(2, 3, 4), torch.full((2, 3, 4), 2.0)),
        (torch.zeros(2, 3, 4), torch.full((2, 3, 4), -1.0)),
    )
    h, c = reset_rows(state, start, torch.tensor([False, True, False]))
    assert h[:, :, 0].tolist() == [[1.0, 0.0, 1.0]] * 2
    assert c[:, :, 0].tolist() == [[2.0, -1.0, 2.0]] * 2


@pytest.mark.parametrize("output", ["softmax", "adaptive"])
@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("few", [0, 1 << 17])
def test_the_mean_of_a_batch_is_that_of_its_losses(monkeypatch, output: str, ragged: bool, few: int) -> None:
    monkeypatch.setattr(linear_loss, "FEW_VALUES", few)
    torch.manual_seed(0)
    settings = NextTokenSettings(hidden_size=8, embedding_size=8, tie_weights=True, output=output)
    network = NextToken(70, settings)
    tokens, targets = torch.randint(70, (3, 5)), torch.randint(70, (3, 5))
    lengths = torch.tensor([5, 2, 4]) if ragged else None
    found = network.loss(TokenBatch(tokens, targets, lengths))
    losses, _ = network.losses(tokens, targets, lengths)
    inside = torch.arange(5) < (lengths if ragged else torch.full((3,), 5)).unsqueeze(1)
    plain = losses[inside].mean()
    assert found.units == int(inside.sum())
    torch.testing.assert_close(found.mean, plain)
    weights = list(network.parameters())
    for a, b in zip(torch.autograd.grad(found.mean, weights), torch.autograd.grad(plain, weights), strict=True):
        torch.testing.assert_close(a, b)
