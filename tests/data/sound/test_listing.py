"""Recordings with what is said of them, by folders, names and tables; and what contradicts itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.data.sound.listing import (
    Asked,
    fields_of,
    lists_events,
    lists_recordings,
    read_folder,
    read_listing,
)
from recurra.errors import DataError
from tests.data.sound.sines import folders, sine, write

pytest.importorskip("soundfile")


def table(folder: Path, *rows: str) -> Path:
    path = folder / "list.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_the_label_is_the_folder(tmp_path: Path) -> None:
    folders(tmp_path / "d", 2)
    (tmp_path / "d" / "low" / "notes.txt").write_text("x")
    found, notes = read_folder(tmp_path / "d")
    assert [(one.path.name, one.label) for one in found] == [
        ("0.wav", "high"),
        ("1.wav", "high"),
        ("0.wav", "low"),
        ("1.wav", "low"),
    ]
    assert notes == ["not read, no recordings: 'low/notes.txt'"]


def test_folders_above_may_be_parts(tmp_path: Path) -> None:
    for part in ("train", "test"):
        folders(tmp_path / part, 1)
    found, _ = read_folder(tmp_path)
    assert {(one.fields["part"], one.label) for one in found} == {
        ("train", "low"),
        ("train", "high"),
        ("test", "low"),
        ("test", "high"),
    }


def test_names_hold_fields(tmp_path: Path) -> None:
    path = write(tmp_path / "7_jackson_32.wav", sine(100))
    assert fields_of(path, "{label}_{speaker}_{take}") == {"label": "7", "speaker": "jackson", "take": "32"}
    assert fields_of(path, "{label}_{}_{take}") == {"label": "7", "take": "32"}
    (one,), _ = read_folder(tmp_path, Asked(names="{label}_{speaker}_{take}"))
    assert (one.label, one.fields["speaker"]) == ("7", "jackson")
    with pytest.raises(DataError, match=r'--names "\{label\}_\{speaker\}_\{take\}"'):
        read_folder(tmp_path)
    for pattern in ("{label}-{take}", "label", "{a}{a}", "{label", "{1}"):
        with pytest.raises(DataError, match=r"does not follow|no pattern"):
            fields_of(path, pattern)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="no recordings here"):
        read_folder(tmp_path / "none")


def test_rows_with_a_label_each(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / "sounds" / f"{name}.wav", sine(100))
    path = table(tmp_path, "where,label,speaker", "sounds/a.wav,x,s1", "sounds/b.wav,y,s2")
    assert lists_recordings(path)
    assert not lists_events(path)
    found = read_listing(path)
    assert [(one.label, dict(one.fields), one.line) for one in found] == [
        ("x", {"speaker": "s1"}, 2),
        ("y", {"speaker": "s2"}, 3),
    ]


@pytest.mark.parametrize(
    ("rows", "said", "line"),
    [
        (["path,label", "a.wav,x", "c.wav,y"], "no recording 'c.wav'", 3),
        (["path,label", "a.wav,x", "b.xyz,y"], "'b.xyz' is no name of a recording", 3),
        (["path,label", "a.wav,x", "a.wav,y"], "stands in line 2 too", 3),
        (["path,label", "a.wav,"], "no label", 2),
        (["path,kind", "a.wav,x"], "no column holds labels", None),
        (["path,start,end,label", "a.wav,0,0.1,x", "a.wav,0.05,0.2,y"], "goes on to 0.1 s", 3),
        (["path,start,end,label", "a.wav,0.2,0.1,x"], "from 0.2 s to 0.1 s", 2),
        (["path,start,end,label", "a.wav,-1,0.1,x"], "before the recording begins", 2),
        (["path,start,end,label", "a.wav,now,0.1,x"], "'now' in the column 'start' is no time", 2),
        (["path,start,end,label", "a.wav,0,nan,x"], "is no time", 2),
        (["path,start,end,label", "a.wav,0,0.1,"], "this event has no label", 2),
    ],
)
def test_rows_that_contradict_are_named(tmp_path: Path, rows: list[str], said: str, line: int | None) -> None:
    write(tmp_path / "a.wav", sine(100))
    with pytest.raises(DataError, match=said) as error:
        read_listing(table(tmp_path, *rows))
    assert error.value.line == line


def test_events_of_a_recording_in_their_order(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        write(tmp_path / name, sine(100))
    path = table(tmp_path, "path,onset,offset,event,who", "a.wav,0.1,0.15,y,s", "a.wav,0,0.1,x,s", "b.wav,,,,t")
    assert lists_events(path)
    first, second = read_listing(path)
    assert [(e.label, e.start) for e in first.events or ()] == [("x", 0.0), ("y", 0.1)]
    assert (second.events, second.fields["who"]) == ((), "t")
