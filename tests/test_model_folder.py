"""Model folders: the round trip, what is not written, what is added."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from recurra import model_folder
from recurra.errors import ModelFolderError, UnknownNameError, UsageError
from tests.small_folders import CORE, awkward_weights, number, write

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
