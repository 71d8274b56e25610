"""What stands around a token: each token's features are its own, whatever is padded and whoever else is there."""

from __future__ import annotations

import torch

from recurra.layers.sparse_linear import Found
from recurra.topologies.neighbourhood import neighbourhood

WORDS = torch.tensor([3, 4, 5, 0])
LETTERS = torch.tensor([[1, 2, 3, 4, 5], [1, 2, 0, 0, 0], [9, 9, 3, 4, 5], [7, 0, 0, 0, 0]])
SIZES = torch.tensor([5, 2, 5, 1])


def rows(found: Found) -> list[set[int]]:
    return [set(found.keys[found.rows == row].tolist()) for row in range(found.total)]


def of(tokens: list[list[int]], lengths: list[int] | None = None, *, letters: bool = True) -> list[set[int]]:
    ends = None if lengths is None else torch.tensor(lengths)
    spelt = (LETTERS, SIZES) if letters else (None, None)
    return rows(neighbourhood(torch.tensor(tokens), WORDS, ends, *spelt))


def test_padding_has_no_features_and_changes_none() -> None:
    padded = of([[0, 1, 2], [3, 1, 1]], [3, 1])
    assert padded[:3] == of([[0, 1, 2]])
    assert padded[3] == of([[3]])[0]
    assert padded[4:] == [set(), set()]


def test_a_neighbour_changes_some_features_and_leaves_the_others() -> None:
    first, second = of([[0, 1, 2]])[0], of([[0, 3, 2]])[0]
    assert first != second
    assert len(first & second) >= 10  # its own word, its letters, the left edge, what stands two to the right


def test_like_ends_share_features_and_like_beginnings_others() -> None:
    alone = [of([[form]])[0] for form in range(4)]
    edges = len(alone[3] & alone[1])
    assert len(alone[0] & alone[2]) > edges  # ...3 4 5
    assert len(alone[0] & alone[1]) > edges  # 1 2...


def test_without_letters_words_alone_tell() -> None:
    assert of([[0, 1]], letters=False)[0] < of([[0, 1]])[0]
