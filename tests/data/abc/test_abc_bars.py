from __future__ import annotations

from fractions import Fraction

import pytest

from recurra.data.abc.bars import bars, complete, metre


def tune(music: str, time: str = "6/8", unit: str = "1/8") -> str:
    return f"M:{time}\nL:{unit}\nK:G\n{music}"


@pytest.mark.parametrize(
    "music",
    [
        "GAB c3|def g3||",
        "d|GAB c3|def g2:|\ne|GAB c3|def g2||",  # pick-ups, made up for at the end of each section
        "d|GAB c3|def g3||",  # or not, as folk tunes are written
        "d2|GAB c3|def g:|",
        "GAB c3|1 def g3:|2 def g2||\nf|GAB c3||",
        "(3GAB (3:2:3GAB c2|def g3|",
        "[GB]AB [ceg]3|z6|Z|",
        "G>AB c3|G<<AB c3|",
        "{cd}GA/B/B c3|G3/2A/2B/ B/c3||",
        "GAB c3|\nM:9/8\nGAB cde fga||",
        "GAB c3|[M:2/4]GA Bc||",
        '"Am"GAB -c3|(def) g3|]',
        "|:GAB c3:||:def g3:|",
    ],
)
def test_complete(music: str) -> None:
    assert complete(tune(music))


@pytest.mark.parametrize(
    "music",
    [
        "GAB c3|def g2|GAB c3||",  # a short bar inside
        "GAB c3|def g4||",  # too long
        "d|GAB c3|def g3g||",
        "GAB c3|GAB:|\nc|def g3||",  # three eighths and one do not make six
        "GAB c3|(3GAB c2d|def g3||",
        "GAB &3|def g3||",
        "GAB c0|def g3||",
        "|||",
    ],
)
def test_incomplete(music: str) -> None:
    assert not complete(tune(music))


def test_halves_on_both_sides_of_a_border_make_a_bar() -> None:
    assert complete(tune("GAB c3|GAB:|\nc3|def g3||"))


def test_tunes_without_a_metre_have_no_complete_bars() -> None:
    assert bars("K:G\nGAB c3|") is None
    assert bars(tune("GAB|", time="none")) is None
    assert not complete("")


def test_the_unit_note_follows_the_metre_if_none_is_given() -> None:
    assert complete("M:2/4\nK:C\nabcd efga|")
    assert complete("M:3/4\nK:C\nabcdef|")
    assert not complete("M:3/4\nK:C\nabc|def|gab||")


def test_a_bar_knows_its_place() -> None:
    found = bars(tune("d|GAB c3|def g2:|"))
    assert found is not None
    eighth, full = Fraction(1, 8), Fraction(3, 4)
    assert [(bar.length, bar.full, bar.opens, bar.closes) for bar in found] == [
        (eighth, full, True, False),
        (full, full, False, False),
        (5 * eighth, full, False, True),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("6/8", Fraction(3, 4)),
        ("C", 1),
        ("C|", 1),
        ("3+2/8", Fraction(5, 8)),
        ("none", None),
        ("3/0", None),
        ("0/4", None),
    ],
)
def test_metres(text: str, value: Fraction | None) -> None:
    assert metre(text) == value
