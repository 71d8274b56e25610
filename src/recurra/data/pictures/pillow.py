"""Pillow, where it is needed."""

from __future__ import annotations

import struct
import zlib
from types import ModuleType

from recurra.errors import UsageError

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
"""What is decoded. JPEG: also those of cameras that keep several pictures in one, which Pillow calls MPO."""
ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
"""Of files that are taken for pictures."""
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    zlib.error,
    MemoryError,
)
"""What decoders raise for bytes that are no picture, or only its beginning."""


def pillow() -> ModuleType:
    """The module PIL.Image. Errors: UsageError if Pillow is not installed"""
    try:
        from PIL import Image
    except ImportError as error:
        raise UsageError(
            "pictures need the package Pillow, which is not installed\ninstall it with: pip install pillow"
        ) from error
    return Image
