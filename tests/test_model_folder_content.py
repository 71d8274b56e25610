"""What is written a piece at a time, and what is linked from the folder that is replaced."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from recurra import model_folder
from recurra.errors import ModelFolderError, UsageError
from recurra.model_folder import Kept, Tensors

KINDS = {
    "wide": torch.arange(5),
    "single": torch.tensor(3.5),
    "double": torch.randn(2, 3, dtype=torch.float64),
    "half": torch.randn(2, 3).bfloat16(),
    "turned": torch.randn(4, 3).t(),
    "strided": torch.randn(10)[::2],
    "empty": torch.zeros(0, 3),
    "flags": torch.tensor([True, False, True]),
    "\u00e9 \U0001f600": torch.zeros(3, dtype=torch.uint8),
}


def write(folder: Path, **given: Any) -> None:
    model_folder.write(folder, **{"config": {}, "preprocessing": {}, "metrics": {}, "weights": KINDS} | given)


def test_tensors_written_one_by_one_are_a_safetensors_file() -> None:
    pieces = list(Tensors(KINDS))
    found = safetensors.torch.load(b"".join(pieces))
    assert found.keys() == KINDS.keys()
    assert len(pieces) == len(KINDS) + 1
    for name, tensor in KINDS.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)
    assert b"".join(Tensors(dict(reversed(KINDS.items())))) == b"".join(pieces)


def test_what_no_file_can_hold_is_refused() -> None:
    with pytest.raises(UsageError, match=r"w is of the type torch\.complex64"):
        Tensors({"w": torch.zeros(2, dtype=torch.complex64)})
    with pytest.raises(UsageError, match="expected weight w as a tensor"):
        Tensors({"w": 1})  # type: ignore[dict-item]


@pytest.mark.parametrize("links", [True, False])
def test_a_kept_file_is_the_same_under_another_name(
    tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    write(folder, extra={"state.safetensors": b"a state", "left.txt": b"gone"})
    before = (folder / "weights.safetensors").stat().st_ino
    if not links:

        def refuse(*_: Any) -> None:
            raise OSError("no links here")

        monkeypatch.setattr(os, "link", refuse)
    extra = {"before.safetensors": Kept("state.safetensors"), "state.safetensors": b"the next"}
    write(folder, weights=Kept("weights.safetensors"), extra=extra, overwrite=True)
    found = model_folder.read(folder)
    assert found.read_extra("before.safetensors") == b"a state"
    assert found.read_extra("state.safetensors") == b"the next"
    assert found.extra == ["before.safetensors", "state.safetensors"]
    assert torch.equal(found.weights()["double"], KINDS["double"])
    assert ((folder / "weights.safetensors").stat().st_ino == before) is links


def test_what_is_kept_has_to_be_there(tmp_path: Path) -> None:
    write(tmp_path / "run")
    with pytest.raises(ModelFolderError, match=r"has no file state\.safetensors any more"):
        write(tmp_path / "run", extra={"before.safetensors": Kept("state.safetensors")}, overwrite=True)
    assert model_folder.read(tmp_path / "run").extra == []
