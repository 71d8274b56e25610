from __future__ import annotations

import pytest

from recurra.data.abc.bars import complete
from recurra.data.abc.keys import Key, transposed


@pytest.mark.parametrize(
    ("key", "sharps"),
    [("C", 0), ("G", 1), ("F", -1), ("Bb", -2), ("F#", 6), ("Am", 0), ("Em", 1), ("C#m", 4), ("Ddor", 0), ("Amix", 2)],
)
def test_a_key_is_its_signature(key: str, sharps: int) -> None:
    found = Key.read(key)
    assert found is not None
    assert found.sharps == sharps
    assert found.write() == key
    assert found.moved(1).moved(-1) == found


def test_signatures() -> None:
    key = Key.read("D")
    assert key is not None
    assert [key.sign(letter) for letter in range(7)] == [1, 0, 0, 1, 0, 0, 0]
    assert [key.moved(-4).sign(letter) for letter in range(7)] == [0, 0, -1, 0, 0, 0, -1]


def test_a_tune_moves_with_its_chords_and_accidentals() -> None:
    tune = 'M:4/4\nL:1/8\nK:G\n"G"G2^c2 =f2B,2|"F#m/a"[Gg]4z4||\nK:D\nd8||'
    assert transposed(tune, 1) == 'M:4/4\nL:1/8\nK:D\n"D"D2^G2 =c2F,2|"C#m/e"[Dd]4z4||\nK:A\nA8||'
    assert transposed(tune, -2) == 'M:4/4\nL:1/8\nK:F\n"F"F2=B2 _e2A,2|"Em/g"[Ff]4z4||\nK:C\nc8||'


@pytest.mark.parametrize("fifths", [-2, -1, 1, 2])
def test_there_and_back(fifths: int) -> None:
    tune = 'M:6/8\nL:1/8\nK:D\n"A7"A3/2^G/2A (3cBA|"Bm"d\'=c\'C, z3:|'
    moved = transposed(tune, fifths)
    assert moved is not None
    assert moved != tune
    assert complete(moved) == complete(tune)
    assert transposed(moved, -fifths) == tune


@pytest.mark.parametrize("tune", ["K:HP\nabc|", "abc|", "K:E\nabc|", "K:G\n^^bcd|", "K:G\nabc|[K:D]abc|"])
def test_what_cannot_be_written_in_another_key(tune: str) -> None:
    assert transposed(tune, 2) is None
