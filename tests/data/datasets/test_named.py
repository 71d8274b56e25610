"""Named data sets: what is taken from where, and that nothing altered gets through."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_set import CONTENTS, pinned

from recurra.data.datasets import download, named
from recurra.data.datasets.registry import (
    BUILT_IN,
    BUILT_IN_CAPTIONS,
    BUILT_IN_PAIRS,
    BUILT_IN_PICTURES,
    REGISTRY,
    Layout,
    PinnedFile,
)
from recurra.errors import DataError, UnknownNameError
from recurra.tasks import registry

pytestmark = pytest.mark.usefixtures("folders")

REAL = os.environ.get("RECURRA_DATA")  # before any test changes it


# the registry


def test_registry_entries_are_whole() -> None:
    for entry in (entry for name, entry in REGISTRY.items() if name != "tiny"):
        assert entry.task in registry.TASKS
        assert entry.description
        assert entry.licence
        known = registry.get(entry.task).defaults.settings.names() | {"split"}
        assert set(entry.options) <= known  # "split" is one of them, though here it says how words are cut
        match entry.layout:
            case "folder":
                assert all(file.name == f"{label}.txt" for label, file in entry.files.items())
            case "labels":
                assert len(entry.files) > 1
            case "parts":
                parts = [key for key in entry.files if not key.endswith(".tags")]
                assert parts == [part for part in ("train", "validation", "test") if part in parts]
                assert parts[0] == "train"
                assert {key.removesuffix(".tags") for key in entry.files} == set(parts)
            case "files":
                assert entry.kind != "tunes" or all(file.name == f"{key}.abc" for key, file in entry.files.items())
            case "one":
                assert list(entry.files) == ["all"]
            case other:
                pytest.fail(f"layout {other!r}")
        for file in entry.files.values():
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.url.startswith("https://")
            assert file.bytes > 0
            assert not {"..", "", "."} & set(file.name.split("/"))


@pytest.mark.parametrize("name", [name for name in REGISTRY if name != "tiny"])
def test_real_sets_are_what_is_pinned(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if REAL is None or not (Path(REAL) / (REGISTRY[name].folder or name)).is_dir():
        pytest.skip("$RECURRA_DATA does not have it")
    monkeypatch.setenv("RECURRA_DATA", REAL)
    data = named.get(name)
    entry = REGISTRY[name]
    for key, file in entry.files.items():
        if data.files[key].name == Path(file.name).name:  # as it is fetched, not packed
            assert data.files[key].stat().st_size == file.bytes
    for path in data.label_files.values():
        assert path.read_text(encoding=data.options.get("encoding", "utf-8"))


# the list


def test_names_are_those_described() -> None:
    built_in = [*BUILT_IN, *BUILT_IN_PAIRS, *BUILT_IN_CAPTIONS, *BUILT_IN_PICTURES]
    assert named.names()[: len(built_in)] == built_in == list(named._BUILT_IN)
    assert {"names", "tinyshakespeare", "ptb", "sst2", "mr"} < set(named.names())
    assert [info.name for info in named.describe()] == named.names()


def test_describe_says_where_and_reads_no_file(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("describe() hashed or fetched")

    monkeypatch.setattr(download, "sha256", refuse)
    monkeypatch.setattr(named, "sha256", refuse)
    monkeypatch.setattr(named, "fetch", refuse)
    where = {info.name: info.where for info in named.describe()}
    assert where["surnames"] == where["python-docs"] == "built in"
    assert where["tiny"] == "local"
    assert where["names"] == "download"
    (local / "cat.txt").unlink()
    assert {info.name: info.where for info in named.describe()}["tiny"] == "download"


def test_the_list_imports_nothing_heavy() -> None:
    code = "import sys, recurra.data.datasets.named; print({'torch', 'pooch', 'requests', 'polars'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown data set 'tinyshakespear'.*'tinyshakespeare'"):
        named.get("tinyshakespear")


# $RECURRA_DATA


def test_local_files_are_taken_where_they_lie(local: Path) -> None:
    data = named.get("tiny")
    assert data.folder == local
    assert data.files == data.label_files == {label: local / f"{label}.txt" for label in CONTENTS}
    assert data.options == {"encoding": "ascii"}
    assert data.sha256["dog"] == hashlib.sha256(b"woof\n").hexdigest()


@pytest.mark.parametrize("content", [b"woof!\n", b"wooF\n", b""])
def test_an_altered_file_is_refused(local: Path, content: bytes) -> None:
    (local / "dog.txt").write_bytes(content)
    with pytest.raises(DataError) as caught:
        named.get("tiny")
    message = str(caught.value)
    assert message.startswith(str(local / "dog.txt"))
    assert hashlib.sha256(content).hexdigest()[:12] in message
    assert REGISTRY["tiny"].files["dog"].sha256[:12] in message
    assert message.count("\n") == 1


def test_a_missing_file_is_named(local: Path) -> None:
    (local / "dog.txt").unlink()
    with pytest.raises(DataError, match=r"dog\.txt: .* missing\n"):
        named.get("tiny")


def test_a_file_too_many_is_named(local: Path) -> None:
    (local / "README.txt").write_text("these are animals\n")
    with pytest.raises(DataError, match=r"README\.txt: is not part of 'tiny'"):
        named.get("tiny")


def test_recurra_data_must_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="RECURRA_DATA is not a folder"):
        named.get("tiny")
    assert named.get("surnames").files


@pytest.mark.parametrize(
    ("layout", "folder", "labelled"),
    [("folder", True, True), ("labels", False, True), ("parts", False, False), ("one", False, False)],
)
def test_layouts(local: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout, folder: bool, labelled: bool) -> None:
    monkeypatch.setitem(REGISTRY, "tiny", replace(REGISTRY["tiny"], layout=layout))
    data = named.get("tiny")
    assert (data.folder is not None, bool(data.label_files)) == (folder, labelled)
    assert list(data.files) == ["cat", "dog"]


# copies


def test_copies(local: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "copy"
    data = named.get("tiny", destination=target)
    assert data.folder == target
    assert data.files == data.label_files
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        f"{label}.txt": content for label, content in CONTENTS.items()
    }
    assert named.get("tiny", destination=str(target)) == data
    assert named.get("tiny", destination=local).files == named.get("tiny").files


def test_a_copy_overwrites_nothing(local: Path, tmp_path: Path) -> None:
    (tmp_path / "cat.txt").write_text("mine")
    with pytest.raises(DataError, match=r"cat\.txt: another file"):
        named.get("tiny", destination=tmp_path)
    (tmp_path / "cat.txt").rename(tmp_path / "mouse.txt")
    with pytest.raises(DataError, match=r"mouse\.txt: is not part of 'tiny'"):
        named.get("tiny", destination=tmp_path)
    assert not (tmp_path / "dog.txt").exists()
    with pytest.raises(DataError, match="cannot be written"):
        named.get("tiny", destination=tmp_path / "mouse.txt")


# built-in sets


def test_surnames_need_nothing() -> None:
    data = named.get("surnames")
    assert data.task == "classify"
    assert data.folder == named.SURNAMES
    assert len(data.label_files) == 18
    assert {info.name: info for info in named.describe()}["surnames"].bytes == sum(
        path.stat().st_size for path in data.files.values()
    )


def test_python_docs_are_a_text(tmp_path: Path) -> None:
    data = named.get("python-docs")
    path = data.files["all"]
    assert data.task == "language"
    assert tmp_path in path.parents
    text = path.read_text(encoding="utf-8")
    assert len(text) > 300_000
    assert 'The "assert" statement' in text
    assert {info.name: info for info in named.describe()}["python-docs"].bytes == path.stat().st_size
    assert data.sha256 == {"all": hashlib.sha256(path.read_bytes()).hexdigest()}
    path.write_text("altered")
    assert named.get("python-docs").sha256 == data.sha256
    assert path.read_text(encoding="utf-8") == text
    assert [other.name for other in path.parent.iterdir()] == [path.name]


def test_a_python_without_its_docs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match="pydoc_data"):
        named.get("python-docs")
    assert "without it" in {info.name: info for info in named.describe()}["python-docs"].defects


def test_registry_json_keeps_its_order() -> None:
    raw = json.loads(Path(named.__file__).with_name("registry.json").read_text(encoding="utf-8"))
    assert list(raw) == [name for name in REGISTRY if name != "tiny"]


# files in folders, packed files


def test_files_in_folders_are_copied_with_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local: Path
) -> None:
    names = {
        "train": "one/words.in",
        "train.tags": "one/words.out",
        "test": "two/words.in",
        "test.tags": "two/words.out",
    }
    files = {}
    for number, (key, name) in enumerate(names.items()):
        content = f"{number}\n".encode()
        (local / name).parent.mkdir(exist_ok=True)
        (local / name).write_bytes(content)
        files[key] = PinnedFile(name, len(content), hashlib.sha256(content).hexdigest(), f"https://x.invalid/{name}")
    entry = replace(pinned("http://127.0.0.1:9", "parts"), files=files, task="tag", kind="tagged")
    monkeypatch.setitem(REGISTRY, "tiny", entry)
    for _ in range(2):
        data = named.get("tiny", destination=tmp_path / "copy")
        assert {key: path.relative_to(tmp_path / "copy").as_posix() for key, path in data.files.items()} == names
    assert (tmp_path / "copy" / "two" / "words.out").read_bytes() == b"3\n"


def test_a_file_of_the_users_may_be_packed(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is pinned is its content, whatever the packing made of it."""
    monkeypatch.setitem(REGISTRY, "tiny", replace(pinned("http://127.0.0.1:9"), layout="labels"))
    packed = local / "cat.txt.gz"
    packed.write_bytes(gzip.compress(CONTENTS["cat"], 1))
    (local / "cat.txt").unlink()
    data = named.get("tiny")
    assert data.files["cat"] == packed
    assert data.sha256["cat"] == hashlib.sha256(packed.read_bytes()).hexdigest()
    assert next(info for info in named.describe() if info.name == "tiny").where == "local"
    packed.write_bytes(gzip.compress(b"hiss\n"))
    with pytest.raises(DataError, match="altered"):
        named.get("tiny")
