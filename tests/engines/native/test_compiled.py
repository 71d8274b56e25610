from __future__ import annotations

from collections.abc import Sequence

import pytest

from recurra.engines.native import compiled


@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        ([], ()),
        ([0, 1, 2, 3], ((0, 4),)),
        ([0, 1, 3], ((0, 2), (3, 1))),
        ([2, 2], ((2, 1), (2, 1))),
        ([4, 5, 6, 6, 0, 6], ((4, 2), (6, 2), (0, 1), (6, 1))),  # the last sum, then zeros
        ([6, 6], ((6, 2),)),
    ],
    ids=str,
)
def test_sums_that_follow_each_other_are_one_run(indices: Sequence[int], expected: tuple[tuple[int, int], ...]) -> None:
    assert compiled._runs(indices, 6) == expected
