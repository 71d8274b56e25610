"""Samples without a head, in pieces."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.data.sound.pcm import PcmReader
from recurra.errors import UsageError


def encoded(values: np.ndarray, kind: str) -> bytes:
    if kind == "u8":
        return np.round(values * 128 + 128).astype(np.uint8).tobytes()
    if kind == "s24":
        whole = np.round(values * 8388608).astype("<i4").view(np.uint8).reshape(-1, 4)
        return whole[:, :3].tobytes()
    types = {"s16": ("<i2", 32768), "s32": ("<i4", 2147483648), "f32": ("<f4", 1)}
    kind_of, scale = types[kind]
    return (values * scale).astype(kind_of).tobytes()


@pytest.mark.parametrize(("kind", "near"), [("u8", 1e-2), ("s16", 1e-4), ("s24", 1e-6), ("s32", 1e-6), ("f32", 1e-7)])
@pytest.mark.parametrize("channels", [1, 3])
def test_pieces_of_any_size_are_the_whole(kind: str, near: float, channels: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(-0.9, 0.9, size=(200, channels))
    content, reader, found = encoded(values.ravel(), kind), PcmReader(kind, channels), []
    while content:
        size = int(rng.integers(1, 50))
        found.append(reader.push(content[:size]))
        content = content[size:]
    np.testing.assert_allclose(np.concatenate(found), values.mean(1), atol=near)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown sample format"):
        PcmReader("s12")
    with pytest.raises(UsageError, match="channels"):
        PcmReader("s16", 0)
