"""How work is divided among processes and what they send each other, without any."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from torch import nn

from recurra.errors import UsageError
from recurra.training.processes import spread
from recurra.training.processes.division import edges, own_rows
from recurra.training.processes.norms import over_all_processes
from recurra.training.processes.place import Place, place
from recurra.training.processes.reduction import Numbers, Reduction

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "29500",
}


def test_a_place_is_what_torchrun_says() -> None:
    assert place(TORCHRUN) == Place(3, 4, 1, 2)
    assert place(TORCHRUN).machines == 2
    assert place({}) == place({"RANK": "3", "WORLD_SIZE": "4"}) == Place()


@pytest.mark.parametrize("wrong", [{"RANK": "4"}, {"RANK": "x"}, {"LOCAL_RANK": "2"}, {"LOCAL_WORLD_SIZE": "5"}])
def test_a_place_that_cannot_be(wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="does not fit together: RANK="):
        place(TORCHRUN | wrong)


def test_rows_that_cost_alike_are_divided_evenly() -> None:
    assert edges(np.ones(32), 4) == [0, 8, 16, 24, 32]
    assert edges(np.ones(5), 3) == [0, 2, 3, 5]


def test_rows_are_divided_by_what_they_cost() -> None:
    assert edges(np.array([8, 1, 1, 1, 1, 1, 1, 1, 1]), 2) == [0, 1, 9]
    assert edges(np.array([5, 5, 5, 5, 20, 20]), 3) == [0, 4, 5, 6]


@given(some.lists(some.integers(1, 50), min_size=1, max_size=40), some.integers(1, 9))
def test_every_row_has_one_process(costs: list[int], count: int) -> None:
    seen = [own_rows(np.array(costs), rank, count) for rank in range(count)]
    mine = [row for rows, counts in seen if counts for row in range(rows.start, rows.stop)]
    assert mine == list(range(len(costs)))
    assert all(0 <= rows.start < rows.stop <= len(costs) for rows, _ in seen)
    shares = [sum(costs[rows]) for rows, counts in seen if counts]
    assert max(shares) <= sum(costs) / count + max(costs)


def test_numbers_add_up_exactly_in_float32() -> None:
    own = Numbers(weight=123_456_789, loss=1234.56789, units=99_999_999, milliseconds=86_400_001, terminations=1)
    sums = torch.zeros(len(own.sent()))
    for _ in range(64):
        sums += torch.tensor(own.sent())
    found = Numbers.read(sums.tolist())
    assert (found.weight, found.units) == (64 * own.weight, 64 * own.units)
    assert (found.milliseconds, found.terminations, found.failures) == (64 * own.milliseconds, 64, 0)
    assert found.loss == pytest.approx(64 * own.loss, rel=1e-6)


def test_a_loss_that_is_no_number_stays_so() -> None:
    assert not np.isfinite(Numbers.read(Numbers(loss=float("nan")).sent()).loss)
    assert not np.isfinite(Numbers.read(Numbers(loss=float("inf")).sent()).loss)


def test_a_weight_without_a_gradient_keeps_none() -> None:
    network = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1)])
    reduction = Reduction(network, lambda tensor: tensor.mul_(3))  # as of three processes alike
    (network[0](torch.ones(1, 2)).sum() * 5).backward()
    gradient = network[0].weight.grad.clone()
    found = reduction.reduce(Numbers(weight=5, loss=2.0, units=7))
    assert (found.weight, found.units, found.loss) == (15, 21, 6.0)
    assert torch.equal(network[0].weight.grad, gradient / 5)
    assert network[1].weight.grad is None
    assert reduction.bytes > 4 * sum(weight.numel() for weight in network.parameters())


def test_a_batch_norm_of_one_process_is_torchs() -> None:
    torch.manual_seed(0)
    ours, torchs = nn.BatchNorm2d(3).double(), nn.BatchNorm2d(3).double()
    x = torch.randn(4, 3, 5, 2, dtype=torch.float64)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    with over_all_processes(ours, lambda tensor: None, lambda: True):
        (ours(inputs[0]) ** 3).sum().backward()
    (torchs(inputs[1]) ** 3).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    torch.testing.assert_close(ours.weight.grad, torchs.weight.grad)
    for name, value in torchs.named_buffers():
        torch.testing.assert_close(ours.get_buffer(name), value)
    torch.testing.assert_close(ours.eval()(x), torchs.eval()(x))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_spread_work_comes_back_in_its_order(count: int) -> None:
    parts = list(range(10))

    class Some:
        def __init__(self, rank: int) -> None:
            self.place = Place(rank, count, 0, 1)

        def gather(self, own: list[int]) -> list[list[int]]:
            every = [[-part for part in parts[rank::count]] for rank in range(count)]
            assert own == every[self.place.rank]
            return every

    for rank in range(count):
        with spread.shared_by(Some(rank)):
            assert spread.spread(parts, lambda part: -part) == [-part for part in parts]
    assert spread.working_together() == 1
