"""Model folders: what is not read."""

import hashlib
import json
import os

import pytest

from recurra import model_folder
from recurra.errors import ModelFolderError
from tests.small_folders import CORE, awkward_weights, relist, rewrite_manifest, write

# what is not read


def test_missing_and_cut_off_folders(tmp_path):
    with pytest.raises(ModelFolderError, match=r"run: there is no such model folder"):
        model_folder.read(tmp_path / "run")
    (tmp_path / "file").touch()
    with pytest.raises(ModelFolderError, match="file: is not a folder"):
        model_folder.read(tmp_path / "file")
    write(tmp_path / "run")
    (tmp_path / "run" / "manifest.json").unlink()
    with pytest.raises(ModelFolderError, match=r"not a model folder or writing it was interrupted: manifest\.json"):
        model_folder.read(tmp_path / "run")


@pytest.mark.parametrize("name", [*CORE, "report.html"])
def test_every_file_is_checked(tmp_path, name):
    write(tmp_path / "run", extra={"report.html": b"<html>"})
    path = tmp_path / "run" / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ModelFolderError, match=rf"run: {name} is truncated: {len(whole) - 1} bytes"):
        model_folder.read(tmp_path / "run")
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelFolderError, match=rf"run: {name} was altered"):
        model_folder.read(tmp_path / "run")
    path.unlink()
    with pytest.raises(ModelFolderError, match=rf"run: {name} is missing"):
        model_folder.read(tmp_path / "run")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(whole)
    path.symlink_to(elsewhere)
    with pytest.raises(ModelFolderError, match=rf"run: {name} is a link"):
        model_folder.read(tmp_path / "run")
    path.unlink()
    path.mkdir()
    with pytest.raises(ModelFolderError, match=rf"run: {name} is no plain file"):
        model_folder.read(tmp_path / "run")


def test_weights_altered_after_reading_are_not_used(tmp_path):
    write(tmp_path / "run", extra={"x": b"1"})
    found = model_folder.read(tmp_path / "run")
    write(tmp_path / "run", 1, overwrite=True)
    with pytest.raises(ModelFolderError, match=r"weights\.safetensors was altered"):
        found.weights()
    with pytest.raises(ModelFolderError, match="x is missing"):
        found.read_extra("x")


@pytest.mark.parametrize("change", ["manifest", "config"])
def test_a_newer_format(tmp_path, change):
    write(tmp_path / "run")
    if change == "manifest":
        (tmp_path / "run" / "manifest.json").write_text('{"format_version": 3, "whatever": 1}')
    else:
        relist(tmp_path / "run", "config.json", b'{"format_version": 3}')
    with pytest.raises(
        ModelFolderError,
        match=r"run: written by a newer version of Recurra \(format 3, this one reads 2\); update Recurra",
    ):
        model_folder.read(tmp_path / "run")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "manifest.json is not JSON"),
        (b"\xff", "manifest.json is not JSON"),
        (b"[" * 200_000, "manifest.json is not JSON"),
        (b"[]", "manifest.json is not a JSON object, but a list"),
        (b"{}", "no format_version, but None"),
        (b'{"format_version": true}', "no format_version, but True"),
        (b'{"format_version": 0}', "no format_version, but 0"),
        (b'{"format_version": 2}', "no list of files"),
        (b'{"format_version": 2, "files": []}', "does not list config.json"),
        (b'{"format_version": 2, "files": [3]}', "an entry without file, bytes and sha256"),
    ],
)
def test_wrong_manifests(tmp_path, content, message):
    write(tmp_path / "run")
    (tmp_path / "run" / "manifest.json").write_bytes(content)
    with pytest.raises(ModelFolderError, match=message.replace(".", r"\.")):
        model_folder.read(tmp_path / "run")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"file": "../secret"}, "'../secret', which is not a plain file name"),
        ({"file": "/etc/passwd"}, "not a plain file name"),
        ({"file": "a/../../b"}, "not a plain file name"),
        ({"file": 5}, "not a plain file name"),
        ({"file": "manifest.json"}, "twice or lists itself"),
        ({"file": "Config.json"}, "twice or lists itself"),
        ({"bytes": -1}, "no size and SHA-256 for x"),
        ({"bytes": True}, "no size and SHA-256 for x"),
        ({"sha256": "AB"}, "no size and SHA-256 for x"),
        ({"more": 1}, "without file, bytes and sha256"),
    ],
)
def test_wrong_entries(tmp_path, entry, message):
    write(tmp_path / "run")
    good = {"file": "x", "bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}
    rewrite_manifest(tmp_path / "run", lambda value: value["files"].append(good | entry))
    with pytest.raises(ModelFolderError, match=message):
        model_folder.read(tmp_path / "run")


@pytest.mark.parametrize("name", CORE)
def test_a_required_file_that_is_not_listed(tmp_path, name):
    write(tmp_path / "run")

    def change(value):
        value["files"] = [one for one in value["files"] if one["file"] != name]

    rewrite_manifest(tmp_path / "run", change)
    with pytest.raises(ModelFolderError, match=rf"does not list {name}"):
        model_folder.read(tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", b"{", "config.json is not JSON"),
        ("metrics.json", b"3", "metrics.json is not a JSON object, but a int"),
        ("config.json", b'{"format_version": 2, "versions": {}}', "config.json lacks config or versions"),
        ("config.json", b"{}", "config.json has no format_version"),
    ],
)
def test_files_that_match_the_manifest_but_are_wrong(tmp_path, name, content, message):
    write(tmp_path / "run")
    relist(tmp_path / "run", name, content)
    with pytest.raises(ModelFolderError, match=message):
        model_folder.read(tmp_path / "run")


def test_weights_that_match_the_manifest_but_are_no_safetensors(tmp_path):
    write(tmp_path / "run")
    relist(tmp_path / "run", "weights.safetensors", b"pickle?")
    with pytest.raises(ModelFolderError, match=r"weights\.safetensors is not a safetensors file"):
        model_folder.read(tmp_path / "run").weights()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' appears twice"),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", "nested more than 32 deep"),
        ('{"a": ' + "9" * 30 + "}", "a whole number of 30 digits"),
        ('{"a": ' + "9" * 5000 + "}", "a whole number of 5000 digits"),
        ('{"a": [' + "[]," * (1 << 21) + "0]}", "lists and objects"),
        ("\ufeff{}", "is not JSON"),
        ("{}".encode("utf-16").decode("latin-1"), "is not JSON"),
    ],
)
@pytest.mark.parametrize("name", ["preprocessing.json", "manifest.json"])
def test_json_that_only_an_attacker_writes(tmp_path, name, content, message):
    write(tmp_path / "run")
    if name == "manifest.json":
        (tmp_path / "run" / name).write_text(content, encoding="latin-1" if "\xff" in content else "utf-8")
        message = f"{message}|more than" if len(content) > 1 << 20 else message
    else:
        relist(tmp_path / "run", name, content.encode("latin-1" if "\xff" in content else "utf-8"))
    with pytest.raises(ModelFolderError, match=message):
        model_folder.read(tmp_path / "run")


@pytest.mark.parametrize("name", [*CORE, "manifest.json", "x"])
def test_what_waits_or_never_ends_is_not_opened(tmp_path, name):
    write(tmp_path / "run", extra={"x": b"1"})
    path = tmp_path / "run" / name
    path.unlink()
    for put, message in ((os.mkfifo, "no plain file"), (lambda path: path.symlink_to("/dev/zero"), "is a link")):
        put(path)
        try:
            with pytest.raises(ModelFolderError, match=f"{message}|is missing"):
                model_folder.read(tmp_path / "run")
        finally:
            path.unlink()  # pytest keeps the folder, and whoever searches it would read this for ever


def test_files_of_gigabytes_with_nothing_in_them(tmp_path):
    """The manifest agrees with their sizes; they are refused before anybody goes through them."""
    for name in ("config.json", "report.html"):
        write(tmp_path / "run", extra={"report.html": b"1"}, overwrite=True)
        os.truncate(tmp_path / "run" / name, 30 << 30)

        def change(value, name=name):
            next(one for one in value["files"] if one["file"] == name)["bytes"] = 30 << 30

        rewrite_manifest(tmp_path / "run", change)
        with pytest.raises(ModelFolderError, match=rf"{name} has 32,212,254,720 bytes"):
            model_folder.read(tmp_path / "run")


@pytest.mark.parametrize("place", ["a\0b", "loop", "n" * 5000])
def test_places_that_are_none(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    os.symlink("loop", "loop")
    with pytest.raises(ModelFolderError):
        model_folder.read(place)


def head(entries, body=b"\0" * 8):
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + body


GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"1234567", head({"w": GOOD})[:-1], head({"w": GOOD}, b"\0" * 9), head({"w": GOOD | {"shape": [3]}}),
        head({"w": GOOD | {"shape": [-2]}}), head({"w": GOOD | {"shape": [2.0]}}), head({"w": GOOD | {"shape": "2"}}),
        head({"w": GOOD | {"dtype": "F8"}}), head({"w": GOOD | {"dtype": 3}}), head({"w": GOOD | {"more": 1}}),
        head({"w": GOOD | {"data_offsets": [8, 0]}}), head({"w": GOOD | {"data_offsets": [0, 8, 9]}}),
        head({"w": GOOD, "v": GOOD}), head({"w": GOOD | {"data_offsets": [8, 16]}}, b"\0" * 16), head([]), head(b"{"),
        head(b'{"w": {}, "w": {}}'), head({"w": []}), (1 << 63).to_bytes(8, "little") + b"\0" * 99,
    ],
)  # fmt: skip
def test_heads_of_weights_that_cannot_be(tmp_path, content):
    write(tmp_path / "run")
    relist(tmp_path / "run", "weights.safetensors", content)
    found = model_folder.read(tmp_path / "run")
    with pytest.raises(ModelFolderError, match=r"weights\.safetensors is n"):
        found.weight_forms()


def test_the_head_says_what_the_file_holds(tmp_path):
    weights = awkward_weights()
    write(tmp_path / "run", weights=weights)
    found = model_folder.read(tmp_path / "run")
    forms = found.weight_forms()
    assert {name: form.shape for name, form in forms.items()} == {n: tuple(w.shape) for n, w in weights.items()}
    assert (forms["bf16"].dtype, forms["ids"].dtype, forms["mask"].dtype) == ("BF16", "I64", "BOOL")
