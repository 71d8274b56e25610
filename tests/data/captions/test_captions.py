"""Caption files of every form, the pictures that they speak of, and how these are divided."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recurra.data.captions.pictures import Shelf, divide, gather, without_captions
from recurra.data.captions.reading import Caption, Columns, looks_like_captions, read_captions
from recurra.data.pictures.showing import png
from recurra.errors import DataError

TWO = [("a.jpg", "a dog, running"), ("a.jpg", "one dog"), ("b.jpg", "two cats")]
COCO = {
    "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
    "annotations": [{"image_id": 1 if name == "a.jpg" else 2, "caption": text} for name, text in TWO],
}
KARPATHY = {
    "images": [
        {"filename": "a.jpg", "split": "", "sentences": [{"raw": "a dog, running"}, {"raw": "one dog"}]},
        {"filename": "b.jpg", "split": "", "sentences": [{"raw": "two cats"}]},
    ]
}
FORMS = {
    "tabs.txt": "".join(f"{name}\t{text}\n" for name, text in TWO),
    "flickr.token": "a.jpg#0\ta dog, running\na.jpg#1\tone dog\nb.jpg#0\ttwo cats\n",
    "kaggle.txt": 'image,caption\na.jpg,"a dog, running"\na.jpg,one dog\nb.jpg,two cats\n',
    "table.csv": 'file_name,text\na.jpg,"a dog, running"\na.jpg,one dog\nb.jpg,two cats\n',
    "table.tsv": "image\tcaption\n" + "".join(f"{name}\t{text}\n" for name, text in TWO),
    "rows.jsonl": "".join(json.dumps({"image": name, "caption": text}) + "\n" for name, text in TWO),
    "lists.jsonl": '{"image": "a.jpg", "captions": ["a dog, running", "one dog"]}\n'
    '{"image": "b.jpg", "captions": "two cats"}\n',
    "coco.json": json.dumps(COCO),
    "karpathy.json": json.dumps(KARPATHY),
}


@pytest.mark.parametrize("name", list(FORMS))
def test_every_form_says_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(FORMS[name], encoding="utf-8")
    assert [(one.picture, one.text) for one in read_captions(path)] == TWO
    assert looks_like_captions(path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("c.txt", "a.jpg\tone\ttwo\n", "3 cells between tabs"),
        ("c.csv", "photograph,words\na.jpg,x\n", r"--image COLUMN"),
        ("c.json", '{"images": [], "annotations": [{"image_id": 7, "caption": "x"}]}', "of the image 7"),
        ("c.json", '{"rows": []}', "no list of images"),
        ("c.tsv", "", "no captions|empty"),
    ],
)
def test_what_is_no_caption_file_is_refused(tmp_path: Path, name: str, content: str, says: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=says):
        read_captions(path)


def test_columns_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("who,what,part\na.jpg,x,val\n", encoding="utf-8")
    (one,) = read_captions(path, Columns("who", "what", "part"))
    assert (one.picture, one.text, one.part) == ("a.jpg", "x", "val")


def pictures(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(np.zeros((3, 4, 4), np.uint8)))
    file = folder / "captions.txt"
    file.write_text("x", encoding="utf-8")
    return file


def said(file: Path, *pairs: tuple[str, str]) -> list[Caption]:
    return [Caption(name, text, file, line) for line, (name, text) in enumerate(pairs, 1)]


def test_what_lacks_its_other_half_is_counted_or_refused(tmp_path: Path) -> None:
    file = pictures(tmp_path, "images/a.png", "images/b.png", "images/c.png")
    captions = said(file, ("a.png", "one"), ("gone.png", "two"), ("b.png", " "), ("b", "three"))
    shelf = Shelf([file])
    found = gather(captions, shelf)
    without_captions(found, shelf, strict=False, file=file)
    assert [one.name for one in found.pictures] == ["a.png", "b"]
    assert (found.missing, found.empty, found.uncaptioned) == (["gone.png"], ["b.png"], ["c.png"])
    for bad in captions[1:3]:
        with pytest.raises(DataError, match="leave out --strict"):
            gather([bad], shelf, strict=True)
    with pytest.raises(DataError, match=r"c\.png has no caption"):
        without_captions(found, shelf, strict=True, file=file)


def test_one_name_of_two_pictures_needs_its_folder(tmp_path: Path) -> None:
    file = pictures(tmp_path, "x/a.png", "y/a.png")
    with pytest.raises(DataError, match="may be"):
        gather(said(file, ("a.png", "one")), Shelf([file]))
    (one,) = gather(said(file, ("y/a.png", "one")), Shelf([file])).pictures
    assert one.path == tmp_path / "y" / "a.png"


def test_parts_follow_the_hash_of_a_name_and_twins_stay_together(tmp_path: Path) -> None:
    file = pictures(tmp_path, *(f"{n}.png" for n in range(100)))
    items = gather(said(file, *((f"{n}.png", "x") for n in range(100))), Shelf([file])).pictures
    contents = [str(n % 90) for n in range(100)]
    parts = divide(items, contents, (0.8, 0.1, 0.1))
    seen = [{contents[k] for k in some} for some in parts.values()]
    assert [len(one) for one in seen] == [72, 9, 9]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    distinct = [str(n) for n in range(100)]
    one, other = divide(items, distinct, (0.8, 0.1, 0.1)), divide(items[::-1], distinct, (0.8, 0.1, 0.1))
    assert {items[k].name for k in one["test"]} == {items[::-1][k].name for k in other["test"]}
    assert one != divide(items, distinct, (0.8, 0.1, 0.1), seed=1)


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.jsonl"])
def test_it_is_seen_by_the_first_row_whether_they_are_captions(name: str, tmp_path: Path) -> None:
    """Whatever is wrong further down, which a reading of all of a large table would find."""
    rows = {
        "rows.csv": 'image,text\na.jpg,a dog\n"never closed\n',
        "rows.tsv": "image\ttext\na.jpg\ta dog\nx\n",
        "rows.jsonl": '{"image": "a.jpg", "text": "a dog"}\n{"image": 1\n',
    }
    (tmp_path / name).write_text(rows[name])
    assert looks_like_captions(tmp_path / name)
