"""DistributedDataParallel around a layer gives the gradients that it gives around torch.nn's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing, nn

from recurra.layers.dropins import LSTM

pytestmark = pytest.mark.skipif(
    not distributed.is_available() or not distributed.is_gloo_available(), reason="torch was built without gloo"
)


def train(rank: int, world: int, file: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=world)
    try:
        found = []
        for kind in (LSTM, nn.LSTM):
            torch.manual_seed(0)
            layer = kind(5, 7, 2, bidirectional=True)
            model = nn.parallel.DistributedDataParallel(layer)
            x = torch.randn(world, 4, 3, 5)
            with model.no_sync():
                model(x[rank])[0].sum().backward()
            y, (h, _) = model(x[rank])
            (y.square().sum() + h.sum()).backward()
            found.append([p.grad for p in layer.parameters()])
        for ours, theirs in zip(*found, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    finally:
        distributed.destroy_process_group()


def test_one_process(tmp_path: Path) -> None:
    train(0, 1, str(tmp_path / "meeting"))


@pytest.mark.slow
def test_two_processes(tmp_path: Path) -> None:
    multiprocessing.spawn(train, (2, str(tmp_path / "meeting")), nprocs=2)
