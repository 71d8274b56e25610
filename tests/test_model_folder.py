"""Model folders: the round trip, what is not written, what is not read."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from recurra import model_folder
from recurra.errors import ModelFolderError, UnknownNameError, UsageError

CORE = ["config.json", "metrics.json", "preprocessing.json", "weights.safetensors"]


def write(folder, number=0, **settings):
    model_folder.write(
        folder,
        config={"number": number, "task": "language", "rate": 0.1},
        preprocessing={"tokens": ["<unk>", "é", "漢", "\ud800"]},
        weights=settings.pop("weights", {"w": torch.full((2, 3), float(number))}),
        metrics={"nats": 1.5, "curve": [1, 2.5, None]},
        **settings,
    )


def number(folder):
    found = model_folder.read(folder)
    value = found.config["number"]
    assert torch.equal(found.weights()["w"], torch.full((2, 3), float(value)))
    return value


def rewrite_manifest(folder, change):
    path = folder / "manifest.json"
    value = json.loads(path.read_bytes())
    change(value)
    path.write_text(json.dumps(value))


def relist(folder, name, content):
    """Change a file and its entry, so that only its content can be wrong."""
    (folder / name).write_bytes(content)

    def change(value):
        one = next(one for one in value["files"] if one["file"] == name)
        one.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())

    rewrite_manifest(folder, change)


# the round trip


def test_comes_back_as_it_was_given(tmp_path):
    write(tmp_path / "run", extra={"report.html": b"<html>", "state.safetensors": b"\0"})
    found = model_folder.read(tmp_path / "run")
    assert found.path == tmp_path / "run"
    assert found.config == {"number": 0, "task": "language", "rate": 0.1}
    assert found.preprocessing == {"tokens": ["<unk>", "é", "漢", "\ud800"]}
    assert found.metrics == {"nats": 1.5, "curve": [1, 2.5, None]}
    assert found.versions["torch"] == torch.__version__
    assert found.versions["recurra"]
    assert found.extra == ["report.html", "state.safetensors"]
    assert found.read_extra("report.html") == b"<html>"
    with pytest.raises(UnknownNameError, match=r"did you mean 'report\.html'"):
        found.read_extra("report.htm")
    assert sorted(os.listdir(tmp_path)) == ["run"]
    assert sorted(os.listdir(tmp_path / "run")) == sorted([*CORE, "manifest.json", "report.html", "state.safetensors"])
    listed = json.loads((tmp_path / "run" / "manifest.json").read_bytes())
    assert [one["file"] for one in listed["files"]] == sorted([*CORE, "report.html", "state.safetensors"])
    assert json.loads((tmp_path / "run" / "config.json").read_bytes())["format_version"] == model_folder.FORMAT_VERSION


def awkward_weights():
    base = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    return {
        "base": base,
        "tied": base,
        "transposed": base.t(),
        "strided": base[::2, 1::2],
        "expanded": torch.tensor([1.0, 2.0]).expand(3, 2),
        "zero-d": torch.tensor(3.25),
        "empty": torch.empty(0, 5),
        "bf16": base.to(torch.bfloat16),
        "half": base.half(),
        "double": base.double(),
        "ids": torch.arange(5),
        "mask": torch.tensor([True, False]),
        "odd": torch.tensor([float("nan"), float("inf"), -0.0, 1e-45]),
        "parameter": torch.nn.Parameter(base[1]),
    }


def test_weights_are_bit_identical(tmp_path):
    weights = awkward_weights()
    write(tmp_path / "run", weights=weights)
    found = model_folder.read(tmp_path / "run").weights()
    assert found.keys() == weights.keys()
    for name, given in weights.items():
        assert found[name].dtype == given.dtype, name
        assert found[name].shape == given.shape, name
        assert (
            found[name].reshape(-1).view(torch.uint8).equal(given.detach().contiguous().reshape(-1).view(torch.uint8))
        ), name
    found["base"].zero_()
    assert found["tied"].any(), "the tensors are each their own"


def test_the_same_content_gives_the_same_bytes(tmp_path):
    weights = awkward_weights()
    write(tmp_path / "a", weights=weights, extra={"x": b"1", "y": b"2"})
    write(tmp_path / "b", weights=dict(reversed(weights.items())), extra={"y": b"2", "x": b"1"})
    for name in os.listdir(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_no_weights_at_all_and_numbers_that_are_not_finite(tmp_path):
    model_folder.write(tmp_path / "deep" / "run", config={}, preprocessing={}, weights={}, metrics={"p": float("inf")})
    found = model_folder.read(tmp_path / "deep" / "run")
    assert found.weights() == {}
    assert found.metrics == {"p": float("inf")}


def test_a_link_to_the_folder_and_a_relative_path(tmp_path, monkeypatch):
    write(tmp_path / "run")
    (tmp_path / "link").symlink_to("run")
    write(tmp_path / "link", 1, overwrite=True)
    assert (tmp_path / "link").is_symlink()
    monkeypatch.chdir(tmp_path)
    assert number("run") == number("link") == 1


# what is not written


def test_an_existing_folder_is_kept_without_overwrite(tmp_path):
    write(tmp_path / "run")
    with pytest.raises(UsageError, match=r"run already exists; replace it with --overwrite or choose another --out"):
        write(tmp_path / "run", 1)
    assert number(tmp_path / "run") == 0


@pytest.mark.parametrize("manifest", [None, "", "{}", '{"format_version": 3}'])
def test_what_is_no_model_folder_is_never_removed(tmp_path, manifest):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years")
    if manifest is not None:
        (tmp_path / "run" / "manifest.json").write_text(manifest)
    with pytest.raises(UsageError, match="exists and is not a model folder"):
        write(tmp_path / "run", overwrite=True)
    assert (tmp_path / "run" / "thesis.txt").read_text() == "years"


def test_files_and_impossible_places(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file exists and is not a folder"):
        write(tmp_path / "file", overwrite=True)
    with pytest.raises(UsageError, match="file is a file"):
        write(tmp_path / "file" / "run")
    with pytest.raises(UsageError, match="choose another --out"):
        write("/", overwrite=True)


def test_an_empty_folder_is_filled_when_asked(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(UsageError, match="already exists"):
        write(tmp_path / "run")
    write(tmp_path / "run", 3, overwrite=True)
    assert number(tmp_path / "run") == 3


def test_files_of_the_user_move_into_the_new_folder(tmp_path):
    write(tmp_path / "run", extra={"old.html": b"old"})
    (tmp_path / "run" / "notes.txt").write_text("mine")
    (tmp_path / "run" / "new.html").write_text("mine too")
    (tmp_path / "run" / "plots").mkdir()
    write(tmp_path / "run", 1, extra={"new.html": b"new"}, overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["run"]
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "run" / "new.html.1").read_text() == "mine too"
    assert (tmp_path / "run" / "plots").is_dir()
    assert not (tmp_path / "run" / "old.html").exists()
    assert model_folder.read(tmp_path / "run").extra == ["new.html"]


@pytest.mark.parametrize("name", ["../up", "/etc/x", "a/b", "..", ".hidden", "", "a\\b", "é", "x" * 101, "a\n"])
def test_extra_names_stay_in_the_folder(tmp_path, name):
    with pytest.raises(UsageError, match="not a plain file name"):
        write(tmp_path / "run", extra={name: b""})
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_stored_is_refused(tmp_path):
    for extra, message in [
        ({"config.json": b""}, "cannot be an extra file"),
        ({"Manifest.json": b""}, "cannot be an extra file"),
        ({"a": b"", "A": b""}, "would be called"),
        ({"a": "text"}, "as bytes, got str"),
    ]:
        with pytest.raises(UsageError, match=message):
            write(tmp_path / "run", extra=extra)
    for weights, message in [
        ({"w": [1.0]}, "weight w as a tensor, got list"),
        ({"w": torch.empty(2, device="meta")}, "meta tensor"),
        ({"w": torch.eye(2).to_sparse()}, "sparse_coo tensor"),
    ]:
        with pytest.raises(UsageError, match=message):
            write(tmp_path / "run", weights=weights)
    for config, message in [({1: 2}, "has the key 1"), ({"a": [{2: 3}]}, "has the key 2"), ({"a": Path()}, "JSON")]:
        with pytest.raises(UsageError, match=rf"config\.json .*{message}"):
            model_folder.write(tmp_path / "run", config=config, preprocessing={}, weights={}, metrics={})
    assert os.listdir(tmp_path) == []


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
    os.mkfifo(path)
    with pytest.raises(ModelFolderError, match=r"no plain file|is missing"):
        model_folder.read(tmp_path / "run")
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(ModelFolderError, match=r"is a link|is missing"):
        model_folder.read(tmp_path / "run")


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


# adding


def test_add_puts_in_and_replaces_extra_files(tmp_path):
    write(tmp_path / "run", extra={"keep": b"k"})
    model_folder.add(tmp_path / "run", "report.html", b"one")
    model_folder.add(tmp_path / "run", "report.html", b"two")
    found = model_folder.read(tmp_path / "run")
    assert found.extra == ["keep", "report.html"]
    assert found.read_extra("report.html") == b"two"
    assert number(tmp_path / "run") == 0
    assert os.listdir(tmp_path) == ["run"]


def test_add_refuses_what_write_refuses_and_folders_that_are_not_whole(tmp_path):
    write(tmp_path / "run", extra={"keep": b"k"})
    with pytest.raises(UsageError, match="cannot be an extra file"):
        model_folder.add(tmp_path / "run", "metrics.json", b"{}")
    with pytest.raises(UsageError, match="but for capitals"):
        model_folder.add(tmp_path / "run", "KEEP", b"")
    (tmp_path / "run" / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ModelFolderError, match=r"weights\.safetensors is truncated"):
        model_folder.add(tmp_path / "run", "report.html", b"")


# the system


def test_the_modules_import_neither_torch_nor_safetensors():
    """`recurra` itself is a stand-in here: what its __init__ imports is its own affair."""
    code = (
        "import sys, types; package = types.ModuleType('recurra'); package.__path__ = [sys.argv[1]]\n"
        "sys.modules['recurra'] = package\n"
        "import recurra.model_folder; sys.exit('torch' in sys.modules or 'safetensors' in sys.modules)"
    )
    package = Path(model_folder.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code, str(package)], check=False).returncode == 0
