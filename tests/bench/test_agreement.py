"""Results are compared before times."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from recurra.bench import plain_step, torch_peers
from recurra.bench.agreement import disagreement, error, worst


def test_the_error_is_relative_to_the_largest_value() -> None:
    assert error(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 4.0])) == 0.25
    assert error(torch.zeros(2), torch.zeros(2)) == 0
    assert error(torch.ones(2), torch.zeros(2)) == math.inf
    assert error(torch.ones(2), torch.ones(3)) == math.inf
    assert error(torch.tensor([math.nan]), torch.ones(1)) == math.inf
    assert error(torch.tensor([math.nan]), torch.tensor([math.nan])) == math.inf
    assert error(torch.ones(0), torch.ones(0)) == 0


def test_the_worst_result_is_named() -> None:
    expected = {"y": torch.ones(2), "dx": torch.ones(2)}
    assert worst({"y": torch.ones(2), "dx": torch.tensor([1.0, 1.5])}, expected) == ("dx", 0.5)
    assert worst({"dx": torch.ones(2)}, expected) == ("y", math.inf), "outputs are always compared"


def test_what_is_allowed() -> None:
    one, near, far = {"y": torch.ones(2)}, {"y": torch.full((2,), 1.01)}, {"y": torch.full((2,), 1.1)}
    assert disagreement(one, one, "float32") is None
    assert "y by 0.01 of its largest value" in disagreement(one, near, "float32")
    assert disagreement(one, near, "bfloat16") is None
    assert disagreement(one, far, "bfloat16") is not None


@pytest.mark.parametrize("kind", ["training", "inference", "ragged"])
def test_no_ratio_where_results_differ(kind: str, bench, monkeypatch: pytest.MonkeyPatch) -> None:
    original = torch_peers.module

    def other(*given: object) -> nn.RNNBase:
        found = original(*given)
        found.weight_hh_l0.data += 0.1
        return found

    monkeypatch.setattr(torch_peers, "module", other)
    rows = [row for row in bench(kind, cells=["lstm"]).rows if "ONNX" not in row.peer]  # a peer that is not altered
    assert rows
    assert {row.status for row in rows} == {"differs"}
    for row in rows:
        assert (row.ratio, row.recurra_ms, row.peer_ms, row.gflops) == (None,) * 4
        assert "the results differ" in row.reason


def test_no_ratio_where_losses_differ(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    original = plain_step.PlainStep.__init__

    def other(self: plain_step.PlainStep, *given: object, **named: object) -> None:
        original(self, *given, **named)
        self.head.bias.data += torch.arange(len(self.head.bias))

    monkeypatch.setattr(plain_step.PlainStep, "__init__", other)
    document = bench("step", cells=["rnn"])
    assert [row.status for row in document.rows] == ["differs"]
    assert document.rows[0].ratio is None
    assert document.differing == list(document.rows)


def test_a_side_that_is_no_number_differs(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    original = torch_peers.module

    def broken(*given: object) -> nn.RNNBase:
        found = original(*given)
        found.weight_hh_l0.data[:] = math.nan
        return found

    monkeypatch.setattr(torch_peers, "module", broken)
    assert {row.status for row in bench("training", cells=["gru"]).rows} == {"differs"}
