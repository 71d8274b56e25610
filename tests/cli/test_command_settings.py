"""What is typed as a setting, and what arrives."""

from __future__ import annotations

import time
from typing import Any

import pytest
from command_line import Recurra


@pytest.fixture
def arrived(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `recurra train` passes on, in place of a training."""
    found: dict[str, Any] = {}

    def train(data: str | None, **given: Any) -> None:
        found.update(given, data=data)
        raise KeyboardInterrupt

    monkeypatch.setattr("recurra.api.training.train", train)
    return found


def test_an_option_that_is_not_given_is_not_passed_on(recurra: Recurra, arrived: dict[str, Any]) -> None:
    recurra("train", "names")
    assert arrived.pop("begun") <= time.monotonic()
    assert arrived == {
        "data": "names",
        "task": None,
        "out": None,
        "overwrite": False,
        "resume": None,
        "start_from": None,
        "log": None,
        "quiet": False,
        "watch": False,
        "learning_curve": False,
        "license": None,
        "command": "recurra train names",
    }


@pytest.mark.parametrize(
    ("typed", "name", "value"),
    [
        ("--hidden-size 7", "hidden_size", 7),
        ("--lr 0.1", "learning_rate", 0.1),
        ("--learning-rate 1", "learning_rate", 1.0),
        ("--normalize nfc,lowercase", "normalize", ("nfc", "lowercase")),
        ("--split 80/10/10", "split", (0.8, 0.1, 0.1)),
        ("--split 0.8/0.1/0.1", "split", (0.8, 0.1, 0.1)),
        ("--split 90/10", "split", (0.9, 0.1, 0.0)),
        ("--bptt 64", "bptt", 64),
        ("--bptt full", "bptt", None),
        ("--bptt 0", "bptt", None),
        ("--clip-norm 0", "clip_norm", None),
        ("--clip-norm 0.25", "clip_norm", 0.25),
        ("--condition both", "condition", "both"),
        ("--condition attention", "condition", "attention"),
        ("--attention none", "attention", "none"),
        ("--bidirectional", "bidirectional", True),
        ("--no-bidirectional", "bidirectional", False),
        ("--precision bf16", "precision", "bf16"),
        ("--text sentence", "text", "sentence"),
        ("--epochs 2", "epochs", 2.0),
    ],
)
def test_values(recurra: Recurra, arrived: dict[str, Any], typed: str, name: str, value: Any) -> None:
    recurra("train", "x", *typed.split())
    assert arrived[name] == value
    assert type(arrived[name]) is type(value)


def test_the_command_is_kept_as_it_was_typed(recurra: Recurra, arrived: dict[str, Any]) -> None:
    recurra("train", "my names", "--epochs", "3")
    assert arrived["command"] == "recurra train 'my names' --epochs 3"


@pytest.mark.parametrize(
    ("typed", "piece"),
    [
        ("--hidden-size 0", "--hidden-size must be greater than or equal to 1, got 0"),
        ("--lr nan", "--learning-rate must be a finite number, got nan"),
        ("--epochs 0", "--epochs must be greater than 0, got 0"),
        ("--bptt -3", "--bptt must be"),
        ("--bptt half", "'half' is neither a whole number nor `full`"),
        ("--clip-norm no", "'no' is not a number"),
        ("--dropout 1", "--dropout must be less than 1"),
        ("--seed -1", "--seed must be"),
        ("--split 80/30", "as in 80/10/10"),
        ("--split 100", "as in 80/10/10"),
        ("--split a/b", "as in 80/10/10"),
        ("--split nan/nan", "as in 80/10/10"),
        ("--split 120/-20", "as in 80/10/10"),
        ("--normalize nfd", "did you mean 'nfc'?"),
    ],
)
def test_values_that_cannot_be(recurra: Recurra, arrived: dict[str, Any], typed: str, piece: str) -> None:
    recurra("train", "x", *typed.split()).refused(2, piece)
    assert not arrived


def test_interrupted_outside_of_training(recurra: Recurra, arrived: dict[str, Any]) -> None:
    result = recurra("train", "x")
    assert (result.code, result.err) == (130, "training on x\nrecurra: interrupted\n")
