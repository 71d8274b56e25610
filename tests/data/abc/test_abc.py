from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from recurra.data.abc.bars import complete
from recurra.data.abc.keys import Key, transposed
from recurra.data.abc.music import Piece, length_of, pieces, written_length
from recurra.data.abc.tunes import Tune, read_tunes, written
from recurra.errors import DataError

TWO = """% a collection
X: 1
T:Two Metres
M:4/4
K:G % the key
M:6/8
P:A
"G"B/2d/2|"Em"GAB c3|(B{c}A)G !trill!F3:|
P:B
d|edc BAG|[1 "Am"A3 A2:|[2 G3 G2||

X: 2
M:2/4
L:1/4
K:Am
|:A/2B/2 c|+CE+2::e>d c2/\\
|A2|]
"""


def tunes(folder: Path, text: str) -> list[Tune]:
    path = folder / "tunes.abc"
    path.write_text(text, encoding="utf-8")
    return read_tunes(path)


def test_tunes_are_read_with_their_fields_and_lines(tmp_path: Path) -> None:
    first, second = tunes(tmp_path, TWO)
    assert (first.title, first.line, second.line) == ("Two Metres", 2, 12)
    assert first.fields == {"T": "Two Metres", "M": "6/8", "K": "G"}
    assert second.fields["L"] == "1/4"
    assert second.title == ""


def test_a_tune_is_written_in_eighths_with_a_line_for_each_section(tmp_path: Path) -> None:
    first, second = (written(tune) for tune in tunes(tmp_path, TWO))
    assert first == ('M:6/8\nL:1/8\nK:G\n"G"B/2d/2|"Em"GAB c3|BAG F3:|\nd|edc BAG|1 "Am"A3 A2:|2 G3 G2||')
    assert second == "M:2/4\nL:1/8\nK:Am\n|:AB c2|[CE]4:|\n|:e2>d2 c2|A4||"


def test_written_again_a_tune_stays_as_it_is(tmp_path: Path) -> None:
    for tune in tunes(tmp_path, TWO):
        text = written(tune)
        (again,) = tunes(tmp_path, f"X:1\n{text}\n")
        assert written(again) == text


@pytest.mark.parametrize(
    ("music", "line"),
    [
        ("d2||\n||\n|:gag|", "d2||\n|:gag|"),
        ("A2 |: B2 :||: c2 :|", "A2||\n|:B2:|\n|:c2:|"),
        ("A2|B2 |]", "A2|B2||"),
        ("A2|\nM:3/4\nB6|", "A2||\nM:3/4\nB6|"),
        ("[M:3/4]A6|", "A6|"),
        ('"^slowly""(D7)"A2 "D/f+"B2|', '"D7"A2 "D/f#"B2|'),
        ("(3ABc (3:2:2 A2B z2|", "(3ABc (3:2:2 A2B z2|"),
        ("L:1/16\nA2B2|", "AB|"),
        ("U:k=!tenuto!\nvkA2 hB2|sTA2 W!f!B2|", "A2 B2|A2 B2|"),
        ("+trill+A2 +mf+B2|+ceg+2 +CE+2|", "A2 B2|[ceg]2 [CE]2|"),
        ("A2[|]B2|", "A2|B2|"),
        ("|:A2:|]", "|:A2:|"),
        ("A2|]:B2:|", "A2||\n|:B2:|"),
        ("A2.|B2$[|c2|]", "A2|B2||\nc2||"),
        ("X2|A8|", "X2|A8|"),
        ("V:1\nA2|", "A2|"),
    ],
)
def test_bar_lines_fields_and_symbols(music: str, line: str, tmp_path: Path) -> None:
    (tune,) = tunes(tmp_path, f"X:1\nM:4/4\nL:1/8\nK:C\nG|\n{music}\n")
    head, text = written(tune).split("K:C\n")
    assert head == "M:4/4\nL:1/8\n"
    expected = f"G||\nM:3/4\n{line}" if music.startswith("[M") else f"G|{line}"
    assert text == (f"G||\n{line}" if line.startswith("|:") else expected)


def test_pieces_leave_nothing_out() -> None:
    found = list(pieces('^f\'3/2 [CE]/|1 z4>(3_B,,-x"Am"!p!&'))
    assert found[0] == Piece("note", "^f'", length_of("3/2"))
    assert [piece.kind for piece in found] == [
        "note", "space", "chord", "bar", "ending", "space", "rest", "broken", "tuplet", "note", "tie", "rest", "symbol",
        "ornament", "other",
    ]  # fmt: skip
    assert found[2] == Piece("chord", "[CE]", length_of("/"))


@pytest.mark.parametrize("text", ["", "3", "3/2", "/2", "/4", "7/8"])
def test_lengths_are_written_as_they_are_read(text: str) -> None:
    assert written_length(length_of(text)) == text


def test_slashes_halve() -> None:
    assert (length_of("/"), length_of("//"), length_of("3/")) == (length_of("/2"), length_of("/4"), length_of("3/2"))
    assert length_of("2/0") == 0


@pytest.mark.parametrize(
    ("text", "line", "piece"),
    [
        ("only words\n", None, "no tune starts"),
        ("X:1\nT:no key\nabc|\n\nX:2\nK:C\nabc|\n", 1, "no line K:"),
        ("X:1\nM:6:8\nK:C\nabc|\n", 1, "M:6:8 is no metre"),
        ("X:1\nL:eighth\nK:C\nabc|\n", 1, "no unit note"),
        ("X:1\nK:C\nabc|\n\nX:2\nK:C\nz4|\n", 5, "has no note"),
    ],
)
def test_what_is_no_tune_is_refused_with_its_line(text: str, line: int | None, piece: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=piece) as refused:
        tunes(tmp_path, text)
    assert refused.value.line == line


@pytest.mark.parametrize(("music", "piece"), [("abc [e3-c3\nd|", "cannot be read"), ("V:2\nabc|", "several voices")])
def test_music_that_cannot_be_written_is_refused_with_its_line(music: str, piece: str, tmp_path: Path) -> None:
    (tune,) = tunes(tmp_path, f"X:1\nK:C\nabc|\n{music}\n")
    with pytest.raises(DataError, match=piece) as refused:
        written(tune)
    assert refused.value.line == 4


HOSTILE = {
    "chords of the 1990s": "+" + "A" * 200_000,
    "openings": "[" * 200_000,
    "openings before a bar": "[A" * 100_000 + "|]",
    "grace notes": "{" * 200_000,
    "symbols": "h" * 200_000,
    "decorations": "+h" * 100_000,
    "ends": ":]|" * 70_000,
    "fields inside": "[K:" * 100_000,
    "a long length": "A" + "9" * 200_000,
    "slashes": "A" + "/" * 200_000,
    "rhythm": "A" + ">" * 200_000 + "B",
    "a tuplet": "(3:" + "2" * 200_000 + "ABC",
    "bars": "|" * 200_000,
    "repeats": "|:" * 100_000,
    "quotes": '"' * 199_999,
    "octaves": "A" + "," * 200_000,
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("music", HOSTILE.values(), ids=HOSTILE)
def test_hostile_music_is_read_or_refused_soon(tmp_path: Path, music: str) -> None:
    path = tmp_path / "a.abc"
    path.write_text(f"X:1\nM:4/4\nK:C\nABCD|\n{music}\n", encoding="utf-8")
    (tune,) = read_tunes(path)
    with contextlib.suppress(DataError):
        text = written(tune)
        transposed(text, 1)
        complete(text)


@pytest.mark.timeout(30)
def test_long_headers_and_long_tunes_take_time_in_proportion(tmp_path: Path) -> None:
    path = tmp_path / "a.abc"
    path.write_text("X:1\nK:C\n" + "K:D\n" * 20_000 + "A" * 50_000 + "|\n", encoding="utf-8")
    (tune,) = read_tunes(path)
    assert tune.fields["K"] == "D"
    assert len(written(tune)) > 50_000


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (f"M:{'9' * 5_000}/4", "is no metre"),
        (f"M:{'1+' * 5_000}1/4", "is no metre"),
        (f"L:1/{'9' * 5_000}", "is no unit note"),
    ],
)
def test_numbers_that_are_no_music(tmp_path: Path, field: str, message: str) -> None:
    path = tmp_path / "a.abc"
    path.write_text(f"X:1\n{field}\nK:C\nABC|\n", encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        read_tunes(path)
    assert len(str(caught.value)) < 500


def test_letters_that_only_look_like_those_of_a_mode_are_no_key() -> None:
    assert Key.read("Am\u0131n") is None
    assert Key.read("AM\u0130N") is None
