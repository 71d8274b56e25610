from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from recurra.errors import UsageError
from recurra.topologies.encoder_decoder import EncoderDecoder, EncoderDecoderBatch
from recurra.topologies.settings import EncoderDecoderSettings

SOURCE, LENGTHS = torch.tensor([[3, 1, 4, 1, 5], [2, 6, 0, 0, 0], [5, 5, 5, 0, 0]]), torch.tensor([5, 2, 3])
TARGET, TARGET_LENGTHS = torch.tensor([[1, 2, 3, 6], [4, 6, 0, 0], [2, 2, 6, 0]]), torch.tensor([4, 2, 3])
WIRINGS = [
    {},
    {"attention": "none"},
    {"attention": "none", "num_layers": 2, "bidirectional": False},
    {"attention": "dot", "merge": "sum"},
    {"attention": "additive", "num_layers": 3, "cell": "lstm"},
    {"input_feeding": True},
    {"input_feeding": True, "num_layers": 2, "cell": "lstm", "tie_weights": True},
    {"bridge": "copy", "tie_weights": True},
    {"bridge": "none", "learned_state": True, "num_layers": 2},
]


def build(**given: object) -> EncoderDecoder:
    torch.manual_seed(0)
    plain = {"cell": "gru", "hidden_size": 8, "embedding_size": 6, "bidirectional": True}
    return EncoderDecoder(7, 7, EncoderDecoderSettings(**plain | given))


def cost(network: EncoderDecoder, **given: float) -> torch.Tensor:
    return network.loss(EncoderDecoderBatch(SOURCE, LENGTHS, TARGET, TARGET_LENGTHS, **given)).mean


@pytest.mark.parametrize("wiring", WIRINGS, ids=str)
def test_the_loss_is_that_of_one_step_after_the_other(wiring):
    network = build(**wiring)
    found = cost(network)
    reading, total = network.read(SOURCE, LENGTHS), 0.0
    tokens = torch.full((3,), network.begin)
    for step in range(TARGET.shape[1]):
        logits, _, reading = network.step(tokens, reading)
        alive = step < TARGET_LENGTHS
        total += functional.cross_entropy(logits[alive], TARGET[alive, step], reduction="sum").item()
        tokens = TARGET[:, step]
    assert found.item() == pytest.approx(total / int(TARGET_LENGTHS.sum()), rel=1e-5)


@pytest.mark.parametrize("wiring", WIRINGS, ids=str)
def test_every_weight_learns(wiring):
    network = build(**wiring)
    cost(network, smoothing=0.1).backward()
    still = {name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()}
    # without a bridge nothing reads the encoder's own last state, and the smallest gradients are not exactly zero
    assert not still


@pytest.mark.parametrize("wiring", WIRINGS, ids=str)
def test_a_rows_answer_does_not_depend_on_its_batch_mates(wiring):
    network = build(**wiring).eval()
    reading = network.read(SOURCE, LENGTHS)
    alone = network.read(SOURCE[1:2, :2], LENGTHS[1:2])
    inputs = torch.tensor([[7, 3, 1]])
    together, weights, _ = network.write(inputs.expand(3, -1), reading)
    single, one, _ = network.write(inputs, alone)
    torch.testing.assert_close(together[1:2], single)
    assert (weights is None) == (network.attention is None) == (one is None)
    if weights is not None and one is not None:
        torch.testing.assert_close(weights[1:2, :, :2], one)
        assert not weights[1, :, 2:].any()


def test_rows_are_chosen_with_all_that_belongs_to_them():
    network = build(input_feeding=True, num_layers=2).eval()
    reading = network.read(SOURCE, LENGTHS)
    order = torch.tensor([2, 0, 0])
    logits, weights, after = network.step(torch.tensor([1, 2, 2]), reading.rows(order))
    plain, looked, then = network.step(torch.tensor([2, 0, 1]), reading)
    torch.testing.assert_close(logits[1], plain[0])
    torch.testing.assert_close(logits[2], logits[1])
    assert weights is not None
    assert looked is not None
    torch.testing.assert_close(weights[1], looked[0])
    torch.testing.assert_close(after.state[0][:, 1], then.state[0][:, 0])


def test_input_feeding_makes_a_step_depend_on_what_was_looked_at():
    network = build(input_feeding=True).eval()
    reading = network.read(SOURCE, LENGTHS)
    _, _, reading = network.step(torch.full((3,), network.begin), reading)
    assert reading.feed is not None
    assert reading.feed.any()
    changed = type(reading)(reading.memory, reading.state, torch.zeros_like(reading.feed))
    tokens = torch.tensor([1, 1, 1])
    assert not torch.equal(network.step(tokens, reading)[0], network.step(tokens, changed)[0])


def test_scheduled_sampling_reads_its_scheduled_sampling_by_chance():
    network = build()
    plain = cost(network)
    never, _, _ = network._sample_inputs(TARGET[:, :3], network.read(SOURCE, LENGTHS), 0.0)
    torch.testing.assert_close(never, network.write(TARGET[:, :3], network.read(SOURCE, LENGTHS))[0])
    torch.manual_seed(1)
    own = cost(network, scheduled_sampling=1.0)
    assert own.item() != pytest.approx(plain.item(), rel=1e-6)
    torch.manual_seed(1)
    assert own.item() == cost(network, scheduled_sampling=1.0).item()


def test_a_tied_table_is_the_output_layer():
    network = build(tie_weights=True)
    assert network.output_weight().data_ptr() == network.target.weight.data_ptr()
    assert network.output_weight().shape == (7, 6)
    assert "weight" not in network.state_dict()


def test_dropout_draws_only_in_training():
    network = build(dropout=0.5, num_layers=2)
    losses = {cost(network).item() for _ in range(3)}
    network.eval()
    quiet = {cost(network).item() for _ in range(3)}
    assert (len(losses), len(quiet)) == (3, 1)


def test_settings_that_cut_target_from_source():
    with pytest.raises(UsageError, match="bridge is the only path"):
        build(attention="none", bridge="none")
    with pytest.raises(UsageError, match="merge sum"):
        build(attention="dot")
