"""Pictures to vectors."""

from __future__ import annotations

import pytest
import torch

from recurra.errors import ShapeError
from recurra.topologies.picture_encoder import PictureEncoder


def test_bytes_and_floats_of_any_size_are_scaled_and_read() -> None:
    torch.manual_seed(0)
    for shape in ((1, 8, 8), (3, 24, 17), (1, 3, 40)):
        encoder = PictureEncoder(shape, 5, width=8, mean=(100.0,) * shape[0], deviation=(50.0,) * shape[0])
        frames = torch.randint(256, (4, shape[0] * shape[1] * shape[2]), dtype=torch.uint8)
        found = encoder(frames, frames)
        assert found.shape == (4, 5)
        assert torch.equal(found, encoder(frames.float(), frames.float()))
        assert not torch.equal(found, encoder(frames, frames.flip(0)))
        torch.testing.assert_close(found[:1], encoder(frames[:1], frames[:1]))
    with pytest.raises(ShapeError, match=r"expected pictures \[N, 120\], \[1, 3, 40\] each, got \[2, 5\]"):
        encoder(torch.zeros(2, 5), torch.zeros(2, 5))
