"""What a run's folder holds to go on from is neither held nor written a second time."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
import torch

from recurra import model_folder
from recurra.api.resuming import PREVIOUS, PREVIOUS_WEIGHTS, STATE
from recurra.api.states import States
from recurra.model_folder import Kept
from recurra.training.checkpoint import Checkpoint, Counters


def state(number: int) -> Checkpoint:
    tensors = {"weight/w": torch.full((3,), float(number))}
    return Checkpoint(Counters(step=number), tensors, {"w": torch.full((3,), -float(number))})


def write(states: States, folder: Path) -> model_folder.ModelFolder:
    weights, extra = states.weights(), states.files()
    model_folder.write(
        folder, config={}, preprocessing={}, metrics={}, weights=weights, extra=extra, overwrite=folder.exists()
    )
    states.written()
    return model_folder.read(folder)


def numbers(found: model_folder.ModelFolder) -> list[float]:
    """Of the newest state and the one before, with their best weights."""
    held = [found.tensors(f"{STATE}.safetensors")["weight/w"], found.weights()["w"]]
    if PREVIOUS_WEIGHTS in found.extra:
        held += [
            found.tensors(f"{PREVIOUS}.safetensors")["weight/w"],
            found.with_weights(PREVIOUS_WEIGHTS).weights()["w"],
        ]
        assert found.parsed(f"{PREVIOUS}.json")["step"] == held[2][0]
    assert found.parsed(f"{STATE}.json")["step"] == held[0][0]
    return [float(each[0]) for each in held]


@pytest.mark.parametrize("resumed", [False, True])
def test_the_newest_state_and_the_one_before_it_are_there(tmp_path: Path, resumed: bool) -> None:
    states = States(state(1) if resumed else None)
    assert (states.counters is not None) is resumed
    states.add(state(2))
    assert numbers(write(states, tmp_path / "run")) == ([2, -2, 1, -1] if resumed else [2, -2])
    states.add(state(3))
    assert numbers(write(states, tmp_path / "run")) == [3, -3, 2, -2]
    assert numbers(write(states, tmp_path / "run")) == [3, -3, 2, -2]  # under another status
    states.add(state(4))
    states.add(state(5))  # nothing was written between the two
    assert numbers(write(states, tmp_path / "run")) == [5, -5, 3, -3]
    assert states.counters is not None
    assert states.counters.step == 5


def test_what_is_written_is_let_go_of_and_linked(tmp_path: Path) -> None:
    states, made = States(), state(1)
    held = weakref.ref(made.tensors["weight/w"])
    states.add(made)
    del made
    write(states, tmp_path / "run")
    gc.collect()
    assert held() is None
    assert states.newest()[f"{STATE}.safetensors"] == Kept(f"{STATE}.safetensors")
    assert states.weights() == Kept("weights.safetensors")
    states.add(state(2))
    there = (tmp_path / "run" / f"{STATE}.safetensors").stat().st_ino
    write(states, tmp_path / "run")
    assert (tmp_path / "run" / f"{PREVIOUS}.safetensors").stat().st_ino == there


def test_a_run_without_a_state_has_no_files_of_one() -> None:
    assert States().newest() == {}


def test_of_a_bare_run_the_best_weights_alone_are_kept(tmp_path: Path) -> None:
    states = States()
    states.bare = True
    for number in (1, 2):
        states.add(state(number))
        weights, extra = states.weights(), states.files()
        model_folder.write(
            tmp_path / "run",
            config={},
            preprocessing={},
            metrics={},
            weights=weights,
            extra=extra,
            overwrite=number > 1,
        )
        states.written()
        found = model_folder.read(tmp_path / "run")
        assert found.extra == []
        assert found.weights()["w"][0] == -number
    assert states.newest() == {}
