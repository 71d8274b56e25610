from __future__ import annotations

import math

import pytest
import torch

from recurra.errors import UsageError
from recurra.topologies.beam import write
from recurra.topologies.copying import NEAR, Copying, follow
from recurra.topologies.encoder_decoder import EncoderDecoder, EncoderDecoderBatch
from recurra.topologies.search import Search
from recurra.topologies.settings import EncoderDecoderSettings

SETTINGS = EncoderDecoderSettings(cell="gru", hidden_size=6, embedding_size=5, bidirectional=True)
SOURCE = torch.tensor([[1, 2, 3, 4 + 0, 4 + 2, 4 + 4], [2, 3, 4 + 1, 4 + 4, 0, 0]])
LENGTHS, TARGET = torch.tensor([6, 4]), torch.tensor([[0, 2, 4], [1, 4, 0]])


def half() -> Copying:
    made = Copying(2, 3)
    torch.nn.init.zeros_(made.gate.bias)
    return made


def test_a_share_is_copied_from_where_is_looked():
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25]]))
    weights, copied = torch.tensor([[0.0, 0.4, 0.2, 0.4]]), torch.tensor([[-1, 2, 0, 2]])
    found = half()(logits, torch.zeros(1, 2), weights, copied).exp()
    torch.testing.assert_close(found, torch.tensor([[0.25 + 0.1, 0.125, 0.125 + 0.4]]))


def test_where_nothing_can_be_copied_all_is_written():
    logits, made, nothing = torch.randn(3, 1, 5), half(), torch.full((3, 2), -1)
    weights = made.look(torch.zeros(3, 1, 2), torch.zeros(3, 2, 3), nothing, torch.zeros(3, 1, dtype=torch.int64))
    found = made(logits, torch.zeros(3, 1, 2), weights, nothing.unsqueeze(1))
    torch.testing.assert_close(found, logits.log_softmax(-1))


def test_at_first_the_next_place_of_the_draft_is_copied():
    copied, positions = torch.tensor([[-1, -1, 5, 6, 7]]), torch.tensor([[2, 4]])
    weights = half().look(torch.randn(1, 2, 2), torch.randn(1, 5, 3), copied, positions)
    assert weights.argmax(-1).tolist() == [[2, 4]]
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 2))
    assert not weights[..., :2].any()


def test_the_next_place_is_the_one_after_what_was_written_nearby():
    copied = torch.tensor([[-1, 5, 6, 5, 7, 9]])
    written = torch.tensor([[99, 5, 8, 7, 6, 9]])  # begins; the first 5; not there; two on; two back; further on
    assert follow(copied, written, torch.tensor([1])).tolist() == [[1, 2, 2, 5, 3, 6]]
    far = torch.full((1, 3 * NEAR), 1)
    far[0, 0], far[0, -1] = 2, 3
    assert follow(far, torch.tensor([[3, 2]]), torch.tensor([0])).tolist() == [[0, 1]]


def test_the_loss_is_that_of_the_mixture_and_its_gradient_right():
    torch.manual_seed(0)
    made = Copying(4, 3).double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    logits, features = (torch.randn(1, 3, n, dtype=torch.float64, requires_grad=True) for n in (6, 4))
    values = torch.randn(1, 5, 3, dtype=torch.float64, requires_grad=True)
    copied, wanted, positions = torch.tensor([[0, 1, -1, 2, 1]]), torch.tensor([1, 5, 2]), torch.tensor([[0, 4, 5]])

    def loss(z, f, m):
        weights = made.look(f, m, copied, positions)[0]
        return made.mean_loss(z[0], f[0], weights, copied.expand(3, -1), wanted, smoothing=0.1)

    assert torch.autograd.gradcheck(loss, (logits, features, values))
    weights = made.look(features, values, copied, positions)
    logs = made(logits, features, weights, copied.unsqueeze(1).expand_as(weights))[0]
    torch.testing.assert_close(logs.exp().sum(-1), torch.ones(3, dtype=torch.float64))
    plain = made.mean_loss(logits[0], features[0], weights[0], copied.expand(3, -1), wanted)
    torch.testing.assert_close(plain, torch.nn.functional.nll_loss(logs, wanted))


def test_a_gate_that_is_wide_open_gives_numbers():
    made = half()
    torch.nn.init.constant_(made.gate.bias, 100.0)
    found = made(torch.randn(1, 3), torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), torch.tensor([[1, -1]]))
    assert torch.isfinite(found).all()
    assert found[0, 1].item() == pytest.approx(0.0, abs=1e-5)


def test_before_training_a_draft_is_written_as_it_stands():
    torch.manual_seed(0)
    network = EncoderDecoder(4, 5, SETTINGS, glossed=True).eval()
    best = [found[0].tokens for found in write(network, SOURCE, LENGTHS, Search(beam=3))]
    assert best == [[0, 2], [1]]


def test_padding_is_never_copied():
    torch.manual_seed(0)
    network = EncoderDecoder(4, 5, SETTINGS, glossed=True).eval()
    reading = network.read(SOURCE, LENGTHS)
    assert reading.memory is not None
    assert reading.memory.copied is not None
    assert reading.memory.copied.tolist() == [[-1, -1, -1, 0, 2, 4], [-1, -1, 1, 4, -1, -1]]
    assert reading.positions is not None
    assert reading.positions.tolist() == [[3], [2]]
    assert network.own_lengths(SOURCE, LENGTHS).tolist() == [3, 2]


@pytest.mark.parametrize("feeding", [False, True])
def test_scheduled_sampling_learns_to_copy_too(feeding):
    torch.manual_seed(0)
    settings = SETTINGS.model_copy(update={"input_feeding": feeding})
    network = EncoderDecoder(4, 5, settings, glossed=True)
    batch = EncoderDecoderBatch(SOURCE, LENGTHS, TARGET, torch.tensor([3, 2]), 0.1, 0.9)
    loss, units, _ = network.loss(batch)
    loss.backward()
    assert units == 5
    assert math.isfinite(loss.item())
    assert network.get_parameter("copying.gate.weight").grad.abs().sum().item() > 0


def test_nothing_is_copied_without_attention():
    settings = SETTINGS.model_copy(update={"attention": "none"})
    with pytest.raises(UsageError, match="skip lexical copies what attention looks at"):
        EncoderDecoder(4, 5, settings, glossed=True)
