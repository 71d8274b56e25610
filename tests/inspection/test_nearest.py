"""Words near a word, in a model and in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.data.vectors.table import write_vectors
from recurra.errors import UsageError
from recurra.inspection import nearest as module
from recurra.inspection.nearest import nearest, nearest_in_file
from recurra.tasks.word_vectors.table import WordVectors

TOKENS = ["up", "upper", "right", "down", "nothing"]
ROWS = np.array([[0, 1], [0.1, 2], [3, 0], [0, -1], [0, 0]], np.float32)
VECTORS = WordVectors(TOKENS, ROWS, ("lowercase",))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "v.txt"
    write_vectors(path, TOKENS, ROWS)
    return path


def test_the_smallest_angle_comes_first(file: Path) -> None:
    expected = [("upper", 2 / 4.01**0.5), ("right", 0.0), ("nothing", 0.0), ("down", -1.0)]
    for found in (nearest(VECTORS, "UP"), nearest_in_file(file, "up")):
        assert [token for token, _ in found] == [token for token, _ in expected]
        np.testing.assert_allclose([cosine for _, cosine in found], [cosine for _, cosine in expected], atol=1e-6)


def test_a_file_is_compared_in_blocks(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = nearest_in_file(file, "right", top=3)
    monkeypatch.setattr(module, "BLOCK", 2)
    assert nearest_in_file(file, "right", top=3) == whole
    assert [token for token, _ in whole] == ["upper", "up", "down"]


def test_top_says_how_many(file: Path) -> None:
    assert len(nearest(VECTORS, "up", top=1)) == len(nearest_in_file(file, "up", top=1)) == 1
    for call in (lambda: nearest(VECTORS, "up", top=0), lambda: nearest_in_file(file, "up", top=0)):
        with pytest.raises(UsageError, match="from 1, got 0"):
            call()


def test_an_unknown_word_is_one_error_with_near_spellings(file: Path) -> None:
    with pytest.raises(UsageError, match=r"the model has no word 'rigth'; spelt like it: 'right'$"):
        nearest(VECTORS, "rigth")
    with pytest.raises(UsageError, match=r"v\.txt has no word 'Rights'; spelt like it: 'right'$"):
        nearest_in_file(file, "Rights")
    with pytest.raises(UsageError, match=r"no word 'xylophone'; nor one spelt like it$"):
        nearest(VECTORS, "xylophone")


def test_a_vector_of_zeros_stands_near_nothing(file: Path) -> None:
    for call in (lambda: nearest(VECTORS, "nothing"), lambda: nearest_in_file(file, "nothing")):
        with pytest.raises(UsageError, match="all zeros"):
            call()
