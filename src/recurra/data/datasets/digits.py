"""scikit-learn's handwritten digits as pictures: 1,797 of 8 x 8 pixels, from the package itself, nothing fetched."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recurra.data.files.whole import write_whole
from recurra.data.pictures.showing import png
from recurra.errors import UsageError

BRIGHTEST = 16
"""Of the package's numbers."""


def write_digits(folder: Path) -> list[Path]:
    """Each digit as LABEL/NUMBER.png; what is there already is left alone. Errors: UsageError without scikit-learn"""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise UsageError(
            "the digits are in the package scikit-learn, which is not installed\ninstall it with: "
            "pip install scikit-learn"
        ) from error
    found = load_digits()
    files = []
    for number, (image, label) in enumerate(zip(found.images, found.target, strict=True)):
        path = folder / str(label) / f"{number:04d}.png"
        files.append(path)
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, png((image * 255 / BRIGHTEST).round().astype(np.uint8)[None]))
    return files
