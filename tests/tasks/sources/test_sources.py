"""What the user's data are: files, folders and names, and which task they suit."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from recurra.errors import DataError, UnknownNameError
from recurra.tasks import registry
from recurra.tasks.sources.resolving import resolve


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(gzip.compress(b"a\n") if name.endswith(".txt.gz") else b"a\n")
    return folder


@pytest.mark.parametrize(
    ("names", "task", "kind", "keys"),
    [
        (["Arabic.txt", "Czech.txt"], "classify", "labels", ["Arabic", "Czech"]),
        (["NA.txt", "nan.txt", "None.txt"], "classify", "labels", ["NA", "None", "nan"]),
        (["input.txt"], "language", "text", ["all"]),
        (["input.txt", "notes.md", ".hidden.txt"], "language", "text", ["all"]),
        (["ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"], "language", "text", ["test", "train", "validation"]),
        (["train.txt", "test.txt"], "language", "text", ["test", "train"]),
        (["train.tsv", "dev.tsv", "test.tsv"], "classify", "table", ["test", "train", "validation"]),
        (["train.csv", "val.csv", "README.txt"], "classify", "table", ["train", "validation"]),
        (["train.csv.gz", "test.csv.gz"], "classify", "table", ["test", "train"]),
        (["reviews.parquet"], "classify", "table", ["all"]),
        (["reviews.zip"], "classify", "table", ["all"]),
        (["reviews.jsonl", "README.txt"], "classify", "table", ["all"]),
        (["pos.txt", "neg.txt", "README.txt", "LICENSE.txt", "notes.md"], "classify", "labels", ["neg", "pos"]),
        (["story.txt", "readme.txt"], "language", "text", ["all"]),
        (["pos.txt.gz", "neg.txt"], "classify", "labels", ["neg", "pos"]),
        (["x.conllu", "x.txt", "README.txt"], "tag", "tagged", ["all"]),
    ],
)
def test_folders(tmp_path: Path, names: list[str], task: str, kind: str, keys: list[str]) -> None:
    source = resolve(put(tmp_path / "data", *names))
    assert (source.task, source.kind, sorted(source.files), source.name) == (task, kind, keys, "data")
    assert source.why
    assert str(tmp_path) not in source.why


@pytest.mark.parametrize(
    ("name", "task", "kind", "called"),
    [
        ("input.txt", "language", "text", "input"),
        ("input", "language", "text", "input"),
        ("story.md", "language", "text", "story"),
        ("r.csv", "classify", "table", "r"),
        ("R.TSV", "classify", "table", "R"),
        ("r.v2.jsonl", "classify", "table", "r.v2"),
        ("r.csv.gz", "classify", "table", "r"),
        ("r.zip", "classify", "table", "r"),
        ("r.parquet", "classify", "table", "r"),
    ],
)
def test_files(tmp_path: Path, name: str, task: str, kind: str, called: str) -> None:
    put(tmp_path, name)
    source = resolve(tmp_path / name)
    assert (source.task, source.kind, source.name, list(source.files)) == (task, kind, called, ["all"])
    assert resolve(str(tmp_path / name), source.task).files == source.files


COLUMNS = "I O\nsaw O\nRome B-LOC\n\n" * 20


@pytest.mark.parametrize("names", [("eng.train", "eng.testa", "eng.testb"), ("train.txt", "dev.txt", "test.txt")])
def test_tagged_columns_are_known_whatever_they_are_called(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_text(COLUMNS, encoding="utf-8")
    source = resolve(tmp_path)
    assert (source.task, source.kind, set(source.files)) == ("tag", "tagged", {"train", "validation", "test"})
    assert resolve(tmp_path / names[0]).kind == "tagged"
    assert resolve(tmp_path / names[0], "language").kind == "text"


def test_texts_beside_labels_are_classified(tmp_path: Path) -> None:
    for part in ("train", "valid", "test"):
        (tmp_path / part).mkdir()
        for name, content in (("seq.in", "go home\n"), ("seq.out", "O B\n"), ("label", "go\n")):
            (tmp_path / part / name).write_text(content, encoding="utf-8")
    source = resolve(tmp_path, "classify")
    assert (source.kind, len(source.files), source.files["train.labels"].name) == ("labelled", 6, "label")
    tagged = resolve(tmp_path)
    assert (tagged.kind, "--task classify" in tagged.why) == ("tagged", True)
    for part in ("train", "valid", "test"):
        (tmp_path / part / "seq.out").unlink()
    assert resolve(tmp_path).kind == "labelled"
    one = put(tmp_path / "one", "reviews.text", "reviews.labels")
    assert resolve(one).files == {"all": one / "reviews.text", "all.labels": one / "reviews.labels"}


def test_names() -> None:
    source = resolve("surnames")
    assert (source.task, source.kind, source.named, len(source.files)) == ("classify", "labels", True, 18)


def test_a_model_folder_is_no_data(tmp_path: Path) -> None:
    for name in ("manifest.json", "config.json", "metrics.json", "weights.safetensors", "metrics.csv"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="this is a model folder, not data") as caught:
        resolve(str(tmp_path))
    assert f"--from {tmp_path}" in str(caught.value)


def test_a_folder_goes_before_a_data_set_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "surnames", "a.txt", "b.txt")
    monkeypatch.chdir(tmp_path)
    source = resolve("surnames")
    assert sorted(source.files) == ["a", "b"]
    assert not source.named


def test_files_for_the_parts(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", "b.csv", "c.csv")
    source = resolve(tmp_path / "a.csv", validation=str(tmp_path / "b.csv"), test=str(tmp_path / "c.csv"))
    assert list(source.files) == ["train", "validation", "test"]
    assert [p.name for p in source.files.values()] == ["a.csv", "b.csv", "c.csv"]
    with pytest.raises(DataError, match=r"d\.csv: no such file"):
        resolve(tmp_path / "a.csv", test=str(tmp_path / "d.csv"))


def test_what_cannot_be_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"0 \.txt files and 0 tables"):
        resolve(put(tmp_path / "empty"))
    with pytest.raises(DataError, match=r"from 2 tables: the name of a.csv says no part"):
        resolve(put(tmp_path / "two", "a.csv", "b.csv"))
    with pytest.raises(DataError, match="no labels to learn"):
        resolve(put(tmp_path / "one", "a.txt"), "classify")
    with pytest.raises(DataError, match=r"a\.abc holds tunes.*, not language"):
        resolve(put(tmp_path / "tunes", "a.abc") / "a.abc", "language")
    with pytest.raises(DataError, match="not classify"):
        resolve(put(tmp_path / "parts", "train.txt", "test.txt"), "classify")
    with pytest.raises(UnknownNameError, match="did you mean 'language'"):
        resolve(tmp_path, "languages")
    with pytest.raises(DataError, match="no such file or folder, and no data set"):
        resolve("surname")


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["pos.txt", "pos.TXT"], "pos.TXT and pos.txt are both the class 'pos'"),
        (["pos.txt", "Pos.txt"], "Pos.txt and pos.txt are both the class 'pos'"),
        (["pos.txt", "pos.txt.gz"], "pos.txt and pos.txt.gz are both the class 'pos'"),
        (["caf\u00e9.txt", "cafe\u0301.txt"], "are both the class"),
        (["a.txt", "b.txt", "c.csv"], r"this folder holds tables \(c.csv\) and texts \(a.txt, b.txt\)"),
        (["a.txt", "c.abc"], r"tunes \(c.abc\) and texts \(a.txt\)"),
        (["a.conllu", "b.conllu"], "from 2 tagged files: the name of a.conllu says no part"),
        (["p.train.txt", "p.test.txt", "p.char.train.txt", "p.char.test.txt"], "are both the test part"),
        (["train.txt", "test.txt", "extra.txt"], "the name of extra.txt says no part"),
        (["test.txt", "valid.txt"], "no file is the train part"),
        (["train.txt", "plane.txt"], "the name of plane.txt says no part"),
        (["train.csv", "train.jsonl", "test.csv"], "are both the train part"),
        (["chapter1.txt", "chapter2.txt", "chapter10.txt"], "their names differ by numbers only"),
        (["a.abc", "A.abc"], "are both the name 'a'"),
    ],
)
def test_folders_that_can_be_read_in_several_ways_are_refused(tmp_path: Path, names: list[str], problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        resolve(put(tmp_path / "data", *names))
    assert len(str(caught.value).splitlines()) == 2


def test_the_user_says_what_a_folder_is(tmp_path: Path) -> None:
    vehicles = put(tmp_path / "vehicles", "train.txt", "plane.txt", "car.txt")
    assert sorted(resolve(vehicles, "classify").files) == ["car", "plane", "train"]
    books = put(tmp_path / "books", "b.txt", "a.txt", "README.txt")
    found = resolve(books, "language")
    assert (found.kind, list(found.files)) == ("texts", ["a.txt", "b.txt"])
    with pytest.raises(DataError, match="both the test part"):
        resolve(put(tmp_path / "mixed", "a.train.txt", "a.test.txt", "b.train.txt", "b.test.txt"), "classify")


def test_what_is_not_read_is_said(tmp_path: Path) -> None:
    folder = put(tmp_path / "labels", "pos.txt", "neg.txt", "README.txt", "neutral", "notes.docx")
    (folder / "more").mkdir()
    assert resolve(folder).why.endswith("; not read: more/, README.txt, neutral, notes.docx")
    (folder / "Pos").mkdir()
    with pytest.raises(DataError, match=r"pos.txt and the folder Pos are both the class 'pos'"):
        resolve(folder)
    put(tmp_path / "a").joinpath("x.txt").write_text("a\n")
    top = tmp_path / "top"
    top.mkdir()
    for name in ("neg", "pos"):
        put(top / name, "1.txt", "2.txt")
    with pytest.raises(DataError, match=r"2 folders of texts, as neg/ and pos/\na class is a file <label>.txt"):
        resolve(top)


PROSE = {
    "paragraphs": "It was late.\nHe went home.\n\nShe did not.\nNobody knew.\n\nIn May\nthey met.\n\nAnd so on.\n",
    "wrapped": "Call me a sailor, for some years ago I had little money\n"
    "and nothing to do on land, so I thought I would sail\nabout a little and see the watery part of the whole world\n"
    "that I had not yet seen. It is a way that I have of driving\noff the spleen, and of being out of doors all year\n"
    "with nothing but the sea and some others to talk to.\n",
}


@pytest.mark.parametrize("how", sorted(PROSE))
def test_books_are_no_classes_unless_it_is_said(tmp_path: Path, how: str) -> None:
    folder = put(tmp_path / "books", "ahab.txt", "emma.txt", "ivan.txt")
    for path in folder.iterdir():
        path.write_text(PROSE[how])
    with pytest.raises(DataError, match=r"may be one running text.*ahab.txt has .*\nsay which: --task language"):
        resolve(folder)
    assert resolve(folder, "classify").kind == "labels"
    assert resolve(folder, "language").kind == "texts"


def test_examples_a_line_are_classes(tmp_path: Path) -> None:
    folder = put(tmp_path / "labels", "good.txt", "bad.txt")
    for path in folder.iterdir():
        path.write_text("a fine film of the old kind that nobody knows how to make any more .\n" * 9 + "\n\nIt ends\n")
    assert resolve(folder).kind == "labels"


def test_records_in_a_json_file_are_a_table_and_poems_are_poems(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"text": "a", "label": "x"}]')
    assert (resolve(tmp_path / "a.json").kind, resolve(tmp_path / "a.json").task) == ("table", "classify")
    (tmp_path / "b.json").write_bytes('[{"title": "a", "paragraphs": ["b"]}]'.encode("utf-16"))
    assert resolve(tmp_path / "b.json").kind == "poems"
    parts = put(tmp_path / "parts")
    for name in ("train.json", "test.json"):
        (parts / name).write_text('[{"text": "a", "label": "x"}]')
    assert resolve(parts).kind == "table"


def test_lines_that_begin_with_their_label_are_a_table(tmp_path: Path) -> None:
    path = tmp_path / "reviews.txt"
    path.write_text("\ufeff\n__label__good a fine film\n__label__bad dull\n", encoding="utf-8")
    assert (resolve(path).task, resolve(path).kind) == ("classify", "table")
    parts = put(tmp_path / "parts")
    for name in ("a.train.txt", "a.test.txt"):
        (parts / name).write_text("__label__good a fine film\n")
    assert sorted(resolve(parts).files) == ["test", "train"]
    assert resolve(parts).kind == "table"


@pytest.mark.skipif("RECURRA_DATA" not in os.environ, reason="$RECURRA_DATA is not set")
@pytest.mark.parametrize(
    ("name", "task", "kind", "count"),
    [
        ("names", "classify", "labels", 18),
        ("mr", "classify", "labels", 2),
        ("sst2", "classify", "table", 3),
        ("ptb", "language", "text", 3),
        ("tinyshakespeare", "language", "text", 1),
        ("chnsenticorp", "classify", "table", 1),
        ("online_shopping", "classify", "table", 1),
    ],
)
def test_public_data_by_name_and_by_folder(name: str, task: str, kind: str, count: int) -> None:
    found = resolve(name)
    assert (found.task, found.kind, len(found.files)) == (task, kind, count)
    if name != "mr":  # its files are named by what they hold, not as <label>.txt
        folder = resolve(Path(os.environ["RECURRA_DATA"]) / name)
        assert (folder.task, folder.kind, set(folder.files.values())) == (task, kind, set(found.files.values()))


@pytest.mark.parametrize("task", ["classify", "generate", "fill", "language"])
def test_too_little_memory_for_reading_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\nsome text,x\n", encoding="utf-8")
    source = resolve(path, task)

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("recurra.data.files.text.read_blocks", full)
    row = registry.get(task)
    with pytest.raises(DataError, match=r"a\.csv: there is not enough memory to read this: 23 bytes in 1 file\n"):
        row.task.prepare(source, row.defaults.settings.changed(**row.read({"text": "text", "label": "label"})))


@pytest.mark.parametrize(
    ("folder", "file"), [("labels", b"caf\xe9.txt"), ("tables", b"caf\xe9.csv"), (b"caf\xe9", b"a.txt")]
)
def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path, folder: str | bytes, file: bytes) -> None:
    below = tmp_path / os.fsdecode(folder)
    below.mkdir()
    for name in (file, b"other" + file[-4:]):
        Path(os.fsdecode(os.path.join(os.fsencode(below), name))).write_text("text,label\na,b\n")
    with pytest.raises(DataError, match="this file's name is not UTF-8\nrename it"):
        resolve(below / os.fsdecode(file) if folder == "tables" else below, "classify" if folder == "labels" else None)


def test_a_folder_of_many_files_is_not_listed_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(60):
        (tmp_path / f"{number}.wav").write_bytes(b"RIFF")
    listed = 0
    own = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        nonlocal listed
        listed += 1
        return own(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert resolve(tmp_path).kind == "sounds"
    assert listed < 20
