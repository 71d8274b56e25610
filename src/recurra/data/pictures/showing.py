"""Small pictures for pages: bytes of PNG from numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np

from recurra.data.pictures.decoding import Bytes
from recurra.data.pictures.pillow import pillow


def png(pixels: Bytes) -> bytes:
    """A PNG of [C, H, W], C 1, 3 or, with opacity, 4. Errors: UsageError without Pillow"""
    stream = io.BytesIO()
    made = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    pillow().fromarray(np.ascontiguousarray(made)).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def jpeg(pixels: Bytes, quality: int = 80) -> bytes:
    """As `png`, of photographs: smaller, and less exact."""
    stream = io.BytesIO()
    made = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    pillow().fromarray(np.ascontiguousarray(made)).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def data_uri(encoded: bytes) -> str:
    """What an <img> shows without a file: PNG or JPEG."""
    kind = "jpeg" if encoded[:2] == b"\xff\xd8" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode('ascii')}"


def smaller(pixels: Bytes, longest: int) -> Bytes:
    """[C, H, W] whose longer side is so many pixels; small ones are enlarged by whole times, each pixel a square."""
    _, height, width = pixels.shape
    if max(height, width) <= longest:
        times = longest // max(height, width)
        return np.asarray(pixels.repeat(times, 1).repeat(times, 2))
    scale = longest / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    made = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    image = pillow().fromarray(np.ascontiguousarray(made)).resize(size, pillow().Resampling.BILINEAR)
    found = np.array(image)
    return np.ascontiguousarray(found[None] if found.ndim == 2 else found.transpose(2, 0, 1))


def beside(pictures: Sequence[Bytes], gap: int = 2) -> Bytes:
    """Pictures of one size in a row, white between them. N x [C, H, W] -> [C, H, N W + (N - 1) gap]"""
    between = np.full((*pictures[0].shape[:2], gap), 255, np.uint8)
    return np.concatenate([part for one in pictures for part in (between, one)][1:], axis=2)
