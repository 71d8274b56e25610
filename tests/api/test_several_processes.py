"""Runs in several processes, as torchrun starts them: together they are one run, and they end together."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra import model_folder
from recurra.api import training_run
from recurra.cli import main
from recurra.errors import RecurraError
from recurra.tasks.language.trainee import LanguageTrainee
from recurra.training.processes import joining
from tests.processes import ended, forked, said, started

SMALL: dict[str, Any] = {
    "hidden_size": 8,
    "embedding_size": 6,
    "batch_size": 5,
    "bptt": 10,
    "dropout": 0.0,
    "embedding_dropout": 0.0,
    "state_reset": 0.0,
    "device": "cpu",
    "precision": "32",
    "quiet": True,
}
WORDS = "the cat sat on a mat and dog ran to tree by sea".split()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A text, and a folder to work in."""
    folder = tmp_path_factory.mktemp("several")
    path = folder / "words.txt"
    path.write_text(" ".join(random.Random(0).choices(WORDS, k=400)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECURRA_CACHE", str(folder / "cache"))
        patch.setattr(training_run, "build_report", lambda record: "<html></html>")
        yield path


@pytest.fixture(scope="module")
def alone(text: Path) -> recurra.Run:
    """In one process; what it imports need not be imported again in those that are forked."""
    return recurra.train(text, out=text.parent / "alone", epochs=2.0, **SMALL)


def scores(run: recurra.Run) -> list[float]:
    return [point["validation_loss"] for point in run.metrics["history"]]


def training(out: str, text: Path, *arguments: str, before: Callable[[int], None] = lambda rank: None) -> Any:
    """What each process does: the command line, and its exit code."""
    words = ["--out", out, *([] if "--minutes" in arguments else ["--epochs", "2"])] if out else []
    more = [w for n, v in SMALL.items() if n != "quiet" for w in (f"--{n.replace('_', '-')}", str(v))] if out else []

    def do(rank: int) -> None:
        before(rank)
        given = [str(text)] if out else []
        sys.exit(main(["train", *given, *words, *more, *arguments]))

    return do


def at_step(step: int, do: Callable[[], Any]) -> None:
    """In this process, once before the loss of a step."""
    loss, seen = LanguageTrainee.loss, [0]

    def counting(*given: Any) -> Any:
        seen[0] += 1
        if seen[0] == step:
            do()
        return loss(*given)

    LanguageTrainee.loss = counting  # type: ignore[method-assign]


@pytest.mark.slow
def test_they_are_one_run_and_go_on_in_other_numbers(text: Path, alone: recurra.Run) -> None:
    def both(rank: int) -> Any:
        first = recurra.train(text, out="two", epochs=2.0, **SMALL)
        return scores(first), first.folder.resolve()

    for found, folder in forked(2, both, Path("forked")):
        assert found == pytest.approx(scores(alone), rel=1e-4)
        assert folder == Path("two").resolve()
    assert said(Path("forked"), 0) == said(Path("forked"), 1) == ""

    do = training("", text, "--resume", "two", "--epochs", "3")
    assert ended(started(3, do, Path("more"))) == [0, 0, 0]
    assert "processes 2, now 3" in said(Path("more"), 0)
    assert "1 thread in each of 3 processes, 1 to 2 of 5 streams to each" in said(Path("more"), 0)
    assert said(Path("more"), 1) == said(Path("more"), 2) == ""
    run = recurra.load("two")
    one = shutil.copytree(alone.folder, alone.folder.parent / "one")
    gone_on = recurra.train(resume=one, epochs=3.0, quiet=True)
    assert scores(run) == pytest.approx(scores(gone_on), rel=1e-4)
    assert len(scores(run)) > len(scores(alone))


def test_a_process_that_dies_ends_the_others(text: Path) -> None:
    def before(rank: int) -> None:
        if rank == 1:
            at_step(45, lambda: os.kill(os.getpid(), signal.SIGKILL))

    codes = ended(started(3, training("killed", text, before=before), Path("dead")), 30)
    assert codes == [6, -9, 6]
    assert "error: process 1 on " in said(Path("dead"), 0)
    assert "died without a word" in said(Path("dead"), 0)
    assert "go on with: recurra train --resume killed" in said(Path("dead"), 0)
    assert "Traceback" not in said(Path("dead"), 0) + said(Path("dead"), 2)
    stopped = len(model_folder.read(Path("killed")).parsed("metrics.json")["history"])
    run = recurra.train(resume="killed", quiet=True)
    assert run.metrics["status"] == "finished"
    assert len(run.metrics["history"]) > stopped > 0


def test_a_signal_to_one_stops_all(text: Path, alone: recurra.Run) -> None:
    def before(rank: int) -> None:
        if rank == 1:
            at_step(45, lambda: signal.raise_signal(signal.SIGTERM))

    codes = ended(started(2, training("stopped", text, before=before), Path("signal")), 30)
    assert codes == [128 + signal.SIGTERM] * 2
    assert "stopped by SIGTERM; stopped holds the best weights so far" in said(Path("signal"), 0)
    assert said(Path("signal"), 1) == ""
    run = recurra.train(resume="stopped", quiet=True)
    assert scores(run) == pytest.approx(scores(alone), rel=1e-4)


@pytest.mark.parametrize(
    ("before", "arguments", "code", "message"),
    [
        ("data", [], 3, "process 1 on .* has other data than process 0: words.txt .SHA-256. is"),
        ("code", [], 2, "process 1 on .* runs recurra 9 .*, process 0 0"),
        ("nothing", ["--batch-size", "1"], 2, "1 streams? of text cannot be divided among 2 processes"),
        ("nothing", ["--lr", "1e30", "--clip-norm", "0"], 5, "stopped being a number"),
        ("nothing", ["--cell", "no-such-cell"], 2, "unknown cell"),
        ("own", [], 3, "process 1 on .*: only here"),
    ],
)
def test_what_cannot_be_is_said_once(text: Path, before: str, arguments: list[str], code: int, message: str) -> None:
    def other(rank: int) -> None:
        os.chdir(text.parent)
        if rank == 1 and before == "data":
            elsewhere = text.parent / "elsewhere"
            elsewhere.mkdir()
            (elsewhere / text.name).write_text(text.read_text(encoding="utf-8")[:-1] + "!", encoding="utf-8")
            os.chdir(elsewhere)
        if rank == 1 and before == "code":
            joining.versions = lambda: {"recurra": "9 (abc)"}  # type: ignore[assignment]
        if rank == 1 and before == "own":

            def fail(*_: Any) -> Any:
                raise recurra.DataError("only here")

            joining.check_same = fail  # type: ignore[assignment]

    folder = Path("refused").resolve()
    do = training("refused-run", Path(text.name), *arguments, before=other)
    codes = ended(started(2, do, folder), 30)
    assert codes == [code, code], said(folder, 0) + said(folder, 1)
    assert re.search(message, said(folder, 0)), said(folder, 0)
    assert said(folder, 0).count("error: ") == 1
    assert said(folder, 1) == ""


@pytest.mark.slow
def test_minutes_are_those_of_the_first(text: Path, alone: recurra.Run) -> None:
    """What is left of them for training is not the same in each."""
    do = training("minutes", text, "--minutes", "0.2", before=lambda rank: time.sleep(rank))
    assert ended(started(2, do, Path("clock"))) == [0, 0], said(Path("clock"), 0)


@pytest.mark.slow
def test_a_callback_that_fails_stops_all(text: Path) -> None:
    class Failing:
        def on_step(self, step: Any) -> None:
            if step.step == 45:
                raise ValueError("no more")

    def do(rank: int) -> int:
        with pytest.raises(
            RecurraError, match=r"on_step of the callback Failing failed|callback of process 0"
        ) as found:
            recurra.train(text, out="callback", epochs=2.0, callbacks=[Failing()], **SMALL)
        return found.value.exit_code

    assert forked(2, do, Path("callback-forked")) == [1, 1]
    assert recurra.train(resume="callback", quiet=True).metrics["status"] == "finished"


class AtOnce(recurra.Callback):
    """Has enough after the first evaluation."""

    def on_evaluation(self, point: Any, best: bool) -> bool:
        return True


@pytest.mark.slow
def test_a_callback_of_the_first_ends_the_training_of_all(text: Path, alone: recurra.Run) -> None:
    def both(rank: int) -> Any:
        run = recurra.train(text, out="enough", epochs=9.0, callbacks=[AtOnce()], **SMALL)
        return run.metrics["ended"], run.metrics["history"][-1]["epoch"]

    first, second = forked(2, both, Path("enough-said"))
    assert first == second
    assert first[0] == "callback"
    assert first[1] < 9
