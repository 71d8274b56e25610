"""Sequences are divided whole: never a group, nor twins, on both sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.data.frames.sequences import Frames, Recordings, divide, joined
from recurra.errors import DataError


def sequence(number: int, *, group: str = "", labels: tuple[str, ...] | None = None) -> Frames:
    values = np.full((3, 1), float(number))
    return Frames(f"s{number}", values, labels or (f"k{number % 2}",), group=group, file=Path("a.csv"), line=number)


def test_a_group_is_never_on_both_sides() -> None:
    whole = Recordings([sequence(n, group=f"g{n % 7}") for n in range(70)], ("x",))
    parts = divide(whole, (0.6, 0.2, 0.2), seed=1, per_frame=False)
    groups = [{one.group for one in parts[name]} for name in ("train", "validation", "test")]
    assert sum(map(len, groups)) == 7
    assert all(groups)
    assert sum(map(len, parts.values())) == 70


def test_sequences_of_the_same_values_stay_together() -> None:
    whole = Recordings([sequence(n % 10) for n in range(40)], ("x",))
    parts = divide(whole, (0.6, 0.2, 0.2), seed=0, per_frame=False)
    values = [{one.values[0, 0] for one in part} for part in parts.values()]
    assert sum(map(len, values)) == 10


def test_one_recording_is_not_cut_into_parts() -> None:
    one = sequence(0, labels=("a", "b", "a"))
    with pytest.raises(DataError, match="frames of one sequence do not go into two"):
        divide(Recordings([one], ("x",)), (0.8, 0.1, 0.1), seed=0, per_frame=True)


def test_files_of_different_channels_are_not_joined() -> None:
    with pytest.raises(DataError, match="different channels"):
        joined([Recordings([sequence(0)], ("x",)), Recordings([sequence(1)], ("y",))])


def test_classes_that_are_numbers_are_in_their_order() -> None:
    whole = Recordings([sequence(n, labels=(str(n),)) for n in (10, 9, 2)], ("x",))
    assert whole.classes() == ["2", "9", "10"]
