"""Clips and pictures in folders: what is read, under which labels, and what is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from recurra.data.frames.clip_folders import look_for_pictures
from recurra.data.frames.clips import ClipReading, read_clips, read_one
from recurra.data.frames.numbered import numbered
from recurra.data.frames.sequences import PictureShape, Recordings
from recurra.data.frames.table import Columns
from recurra.data.pictures.showing import png
from recurra.errors import DataError


def picture(path: Path, shade: int = 0, size: tuple[int, int, int] = (1, 4, 6)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(np.full(size, shade, np.uint8)))
    return path


def clip(folder: Path, shades: list[int], *, first: int = 0, **more: Any) -> Path:
    for number, shade in enumerate(shades, start=first):
        picture(folder / f"frame{number}.png", shade, **more)
    return folder


def read(folder: Path, **how: Any) -> Recordings:
    found = look_for_pictures(folder)
    assert found is not None
    layout, parts = found
    return read_clips(parts["all"], layout, ClipReading(**how))


def table(folder: Path, *rows: str) -> None:
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")


def test_clips_in_folders_of_their_labels(tmp_path: Path) -> None:
    clip(tmp_path / "up" / "a", [1, 2, 3])
    clip(tmp_path / "down" / "b", list(range(12)))
    found = read(tmp_path)
    assert found.picture == PictureShape(1, 4, 6, rows=False)
    assert found.channels == ("grey",)
    assert [(one.name, one.labels, len(one)) for one in found.sequences] == [
        ("down/b", ("down",), 12),
        ("up/a", ("up",), 3),
    ]
    assert found.sequences[0].values[:, 0].tolist() == list(range(12))
    assert found.sequences[0].values.dtype == np.uint8
    assert found.notes == ["15 pictures are read as 6 x 4 pixels, grey"]


def test_pictures_in_folders_of_their_labels_are_read_row_by_row(tmp_path: Path) -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(3, 4, 2)
    for label in "xy":
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_bytes(png(pixels))
    found = read(tmp_path)
    assert found.picture == PictureShape(3, 4, 2, rows=True)
    assert found.sequences[0].values.tolist() == pixels.transpose(1, 2, 0).reshape(4, 6).tolist()
    assert found.picture.pictures(found.sequences[0].values)[0].tolist() == pixels.tolist()


def test_a_table_labels_frames_one_by_one_or_from_to(tmp_path: Path) -> None:
    for form in ("one", "spans"):
        clip(tmp_path / form / "a", [1, 2, 3], first=5)
        clip(tmp_path / form / "b", [4])
    table(tmp_path / "one", "clip,frame,label,user", "a,5,x,u", "a,frame6.png,x,u", "a,7,y,u", "b,0,y,v")
    table(tmp_path / "spans", "clip,start,end,label", "a,5,6,x", "a,7,7,y", "b,0,0,y")
    for form, asked in (("one", Columns(group="user")), ("spans", Columns())):
        found = read(tmp_path / form, asked=asked)
        assert [one.labels for one in found.sequences] == [("x", "x", "y"), ("y",)]
        assert found.per_frame
    assert [one.group for one in read(tmp_path / "one", asked=Columns(group="user")).sequences] == ["u", "v"]


def test_a_table_labels_clips_and_pictures(tmp_path: Path) -> None:
    clip(tmp_path / "clips" / "a", [1, 2])
    clip(tmp_path / "clips" / "sub" / "b", [1, 2])
    table(tmp_path / "clips", "video,label", "sub/b,y", "a,x")
    assert [one.labels for one in read(tmp_path / "clips").sequences] == [("x",), ("y",)]
    for name in ("p1.png", "p2.png", "p3.png"):
        picture(tmp_path / "images" / name)
    table(tmp_path / "images", "file,label", "p1.png,x", "p2,y")
    found = read(tmp_path / "images")
    assert [(one.name, one.label) for one in found.sequences] == [("p1.png", "x"), ("p2.png", "y")]
    assert "labels.csv does not name 'p3.png', which are not read" in found.notes


def test_features_are_read_as_they_are(tmp_path: Path) -> None:
    values = np.array([[1.0, 2.0, np.nan]], np.float32)
    for label in "xy":
        (tmp_path / label).mkdir()
        np.save(tmp_path / label / "a.npy", values)
        save_file({"features": values, "more": values}, tmp_path / label / "b.safetensors")
    found = read(tmp_path)
    assert [one.name for one in found.sequences] == ["x/a.npy", "x/b.safetensors", "y/a.npy", "y/b.safetensors"]
    assert found.channels == ("feature 1", "feature 2", "feature 3")
    assert found.picture is None
    np.save(tmp_path / "y" / "c.npy", np.zeros((2, 4)))
    with pytest.raises(DataError, match=r"c\.npy: 4 features a frame here, 3 in"):
        read(tmp_path)
    endless = np.full((2, 3), np.inf)
    for array, words in ((np.zeros(3), r"expected numbers \[T, I\]"), (endless, "frame 1 has an infinite value in")):
        np.save(tmp_path / "y" / "c.npy", array)
        with pytest.raises(DataError, match=words):
            read(tmp_path)
    np.save(tmp_path / "y" / "c.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(DataError, match=r"c\.npy: this is no array of numbers"):
        read(tmp_path)
    (tmp_path / "y" / "c.npy").unlink()
    (tmp_path / "y" / "d.safetensors").write_bytes(b"none")
    with pytest.raises(DataError, match=r"d\.safetensors: this is no safetensors file"):
        read(tmp_path)


def test_other_sizes_are_resized_and_told(tmp_path: Path) -> None:
    clip(tmp_path / "x" / "a", [1, 2, 3])
    clip(tmp_path / "y" / "b", [1, 2], size=(1, 8, 8))
    found = read(tmp_path)
    assert found.picture is not None
    shape = (found.picture.height, found.picture.width)
    assert all(one.values.shape[1] == found.picture.frame_size for one in found.sequences)
    assert any("of them had another size and were resized: 6 x 4 (3), 8 x 8 (2)" in note for note in found.notes)
    assert shape in ((4, 6), (8, 8))
    small = read(tmp_path, height=2, colour="rgb").picture
    assert small is not None
    assert (small.height, small.channels) == (2, 3)
    picture(tmp_path / "x" / "a" / "frame0.png", size=(1, 200, 100))
    large = {"x": {"c": [0]}, "y": {"d": [0]}}
    for label, clips in large.items():
        for name, shades in clips.items():
            clip(tmp_path / "large" / label / name, shades, size=(1, 200, 100))
    assert read(tmp_path / "large").picture == PictureShape(1, 64, 32, rows=False)


def test_parts_are_folders(tmp_path: Path) -> None:
    for part in ("train", "test"):
        clip(tmp_path / part / "x" / "a", [1])
    assert look_for_pictures(tmp_path) == ("clips", {"test": tmp_path / "test", "train": tmp_path / "train"})
    assert look_for_pictures(tmp_path / "train" / "x" / "a") is None


def test_what_a_model_is_asked_about_needs_no_labels(tmp_path: Path) -> None:
    how = ClipReading(shape=PictureShape(1, 2, 3, rows=False))
    clip(tmp_path / "a", [1, 2])
    assert [len(one) for one in read_one(tmp_path / "a", how).sequences] == [2]
    assert [one.name for one in read_one(tmp_path, how).sequences] == ["a"]
    rows = ClipReading(shape=PictureShape(1, 2, 3, rows=True))
    assert read_one(tmp_path / "a" / "frame0.png", rows).sequences[0].values.shape == (2, 3)
    assert len(read_one(tmp_path, rows)) == 2


def test_frames_are_in_the_order_of_their_numbers_and_none_is_missing(tmp_path: Path) -> None:
    folder = clip(tmp_path / "a", [0] * 12)
    assert [number for number, _ in numbered(folder)] == list(range(12))
    (folder / "frame4.png").unlink()
    with pytest.raises(DataError, match=r"a: frame 4 is missing between frame3\.png and frame5\.png"):
        numbered(folder)
    (folder / "frame5.png").unlink()
    with pytest.raises(DataError, match="frames 4 to 5 are missing"):
        numbered(folder)
    picture(folder / "other07.png")
    with pytest.raises(DataError, match="are both frame 7"):
        numbered(folder)
    for other in ("b0.png", "b10.png", "b20.png"):
        picture(tmp_path / "steps" / other)
    assert [number for number, _ in numbered(tmp_path / "steps")] == [0, 10, 20]
    picture(tmp_path / "steps" / "cover.png")
    with pytest.raises(DataError, match=r"cover\.png has no number in its name"):
        numbered(tmp_path / "steps")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["clip,frame,label", "a,0,x", "a,1,x", "a,9,x"], r"labels\.csv:4: the label 'x' lies outside of the clip 'a'"),
        (["clip,frame,label", "a,0,x"], r"labels\.csv:2: frame 1 of the clip 'a' has no label; 1 of 2 have none"),
        (["clip,start,end,label", "a,0,1,x", "a,1,1,y"], r"labels\.csv:3: frame 1 of the clip 'a' has a label already"),
        (["clip,start,end,label", "a,1,0,x"], r"labels\.csv:2: this label ends with frame 0, before it begins"),
        (["clip,frame,label", "a,0,x", "b,0,x", "a,1,x"], r"labels\.csv:4: the clip 'a' returns here, after others"),
        (["clip,label", "a,x", "a,y"], r"labels\.csv:3: the clip 'a' has a label already, 'x' in line 2"),
        (["clip,label", "a,x", "c,y"], r"labels\.csv:3: 'c' is no clip of this folder"),
        (["clip,label", "a,"], r"labels\.csv:2: the label of this row is empty"),
        (["clip,frame,label", "a,first,x"], r"labels\.csv:2: the frame 'first' is no number of a frame"),
        (["clip,frame,label", "a,0.5,x"], r"labels\.csv:2: the frame '0\.5' is no number of a frame"),
        (["x,label", "a,x"], r"labels\.csv: no column names clips"),
        (["clip,x", "a,x"], r"labels\.csv: no column holds labels"),
    ],
)
def test_what_is_wrong_with_labels_is_told_with_its_line(tmp_path: Path, rows: list[str], message: str) -> None:
    clip(tmp_path / "a", [1, 2])
    clip(tmp_path / "b", [1])
    table(tmp_path, *rows)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_what_is_wrong_with_folders_is_named(tmp_path: Path) -> None:
    clip(tmp_path / "x" / "a", [1])
    (tmp_path / "x" / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: this folder is empty"):
        read(tmp_path)
    (tmp_path / "x" / "empty").rmdir()
    (tmp_path / "x" / "a" / "frame1.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"frame1\.png: this is no picture"):
        read(tmp_path)
    picture(tmp_path / "x" / "a" / "deep" / "frame0.png")
    with pytest.raises(DataError, match=r"holds pictures, as frame0\.png, and folders, as deep/"):
        read(tmp_path)
    with pytest.raises(DataError, match=r"frame0\.png stands beside clips"):
        read_clips(tmp_path / "x" / "a" / "deep", "clips", ClipReading())
