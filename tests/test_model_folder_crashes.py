"""No moment of a crash loses a model: the old folder or the new one is there, whole."""

import dataclasses
import errno
import json
import os
import subprocess
import sys
import time

import pytest
import torch

from recurra import model_folder
from recurra.errors import ModelFolderError, UsageError
from recurra.model_folder import swap
from recurra.model_folder.claim import claimed, claimed_new
from recurra.owners import Owner, started


def write(folder, number=0, **settings):
    weights = {"w": torch.full((2, 3), float(number))}
    model_folder.write(folder, config={"number": number}, preprocessing={}, weights=weights, metrics={}, **settings)


def number(folder):
    found = model_folder.read(folder)
    assert torch.equal(found.weights()["w"], torch.full((2, 3), float(found.config["number"])))
    return found.config["number"]


KILLED_AT_EVERY_MOMENT = """
import json, os, sys
from pathlib import Path
import torch
from recurra import model_folder
from recurra.errors import ModelFolderError

CHANGES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}

def write(folder, number, **settings):
    weights = {"w": torch.full((2, 3), float(number))}
    model_folder.write(folder, config={"number": number}, preprocessing={}, weights=weights, metrics={}, **settings)

def prepare(folder, action):
    folder.parent.mkdir()
    if action != "first":
        write(folder, 0, extra={"report.html": b"old"})
        (folder / "notes.txt").write_text("mine")

def work(folder, action):
    if action == "add":
        model_folder.add(folder, "report.html", b"new")
    else:
        write(folder, 1, overwrite=action == "overwrite")

def killed_at(moment, folder, action):
    count = 0

    def hook(event, arguments):
        nonlocal count
        if event in CHANGES and str(folder.parent) in str(arguments[0]):
            count += event != "open" or "r" not in (arguments[1] or "")
            if count > moment:
                os._exit(9)

    process = os.fork()
    if process == 0:
        sys.addaudithook(hook)
        work(folder, action)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9

def state(folder, action):
    try:
        found = model_folder.read(folder)
    except ModelFolderError as error:
        assert "there is no such model folder" in str(error), error
        return "none"
    number = found.config["number"]
    assert found.weights()["w"].eq(number).all()
    return found.read_extra("report.html").decode() if action == "add" else ("old", "new")[number]

def clean_after_the_next_write(folder, action):
    write(folder, 2, overwrite=True)
    assert os.listdir(folder.parent) == ["run"], os.listdir(folder.parent)
    assert action == "first" or (folder / "notes.txt").read_text() == "mine"
    assert model_folder.read(folder).config["number"] == 2

states = {}
for action in ("overwrite", "add", "first"):
    states[action] = []
    killed = True
    while killed:
        moment = len(states[action])
        folder = Path(sys.argv[1]) / f"{action}-{moment}" / "run"
        prepare(folder, action)
        killed = killed_at(moment, folder, action)
        states[action].append(state(folder, action))
        clean_after_the_next_write(folder, action)
print(json.dumps(states))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_killed_at_any_moment_the_old_or_the_new_folder_is_there(tmp_path):
    """A forked process is ended, without a chance to tidy up, before its first, second, ... change of the disk."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EVERY_MOMENT, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    states = json.loads(done.stdout)
    for action, fewest in (("overwrite", 15), ("add", 15), ("first", 8)):
        before = "none" if action == "first" else "old"
        count = states[action].count(before)
        assert states[action] == [before] * count + ["new"] * (len(states[action]) - count), "old, then new"
        assert count >= 7
        assert len(states[action]) >= fewest


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failing_rename_puts_the_old_folder_back(tmp_path, monkeypatch, failing):
    write(tmp_path / "run")
    calls, rename = [], os.rename

    def fail(source, target):
        calls.append(source)
        if len(calls) == failing:
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(swap.os, "rename", fail)
    with pytest.raises(ModelFolderError, match="run: cannot be written: Input/output error"):
        write(tmp_path / "run", 1, overwrite=True)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["run"]
    assert number(tmp_path / "run") == 0


def test_set_aside_and_never_replaced(tmp_path):
    """Killed between the two renames: the old folder is read, kept, and put back by the next write."""
    write(tmp_path / "run", 7)
    (tmp_path / "run").rename(tmp_path / ".run.replaced")
    found = model_folder.read(tmp_path / "run")
    assert found.config["number"] == 7
    assert found.path.name == ".run.replaced"
    with pytest.raises(UsageError, match="already exists"):
        write(tmp_path / "run", 8)
    model_folder.add(tmp_path / "run", "report.html", b"x")
    assert model_folder.read(tmp_path / "run").path == tmp_path / "run"
    assert os.listdir(tmp_path) == ["run"]


def test_an_altered_set_aside_folder_is_no_model(tmp_path):
    write(tmp_path / "run", 7)
    (tmp_path / "run" / "metrics.json").unlink()
    (tmp_path / "run").rename(tmp_path / ".run.replaced")
    with pytest.raises(ModelFolderError, match="run: there is no such model folder"):
        model_folder.read(tmp_path / "run")
    write(tmp_path / "run", 8)
    assert os.listdir(tmp_path) == ["run"]
    (tmp_path / ".run.replaced").mkdir()
    (tmp_path / ".run.replaced" / "mine").touch()
    with pytest.raises(ModelFolderError, match=r"\.run\.replaced is in the way"):
        write(tmp_path / "run", 9, overwrite=True)
    assert number(tmp_path / "run") == 8


def owner(process, **other):
    here = dataclasses.asdict(Owner.here())
    return Owner(**here | {"process": str(process), "started": started(process)} | other)


def test_only_left_overs_of_dead_writers_of_this_folder_are_cleared(tmp_path):
    """A process number says who wrote only together with the machine, its start and that of the process."""
    parent, afar = os.getppid(), {"host": "another", "boot": "b", "started": "s"}
    alive, elsewhere, old = owner(parent), owner(parent, **afar), owner(7, **afar)
    dead = owner(os.getpid()), owner(999999999), owner(parent, started="1"), owner(parent, boot="before")
    left = {f".run.writing-{one.token()}-00000000" for one in (alive, elsewhere)} | {
        f".run2.writing-{owner(999999999).token()}-00000000",
        ".run.writing-notes",
    }
    for name in [*left, *(f".run.writing-{one.token()}-00000000" for one in (*dead, old))]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").touch()
    two_days_ago = time.time() - 2 * 86_400
    os.utime(tmp_path / f".run.writing-{old.token()}-00000000", (two_days_ago, two_days_ago))
    write(tmp_path / "run")
    assert set(os.listdir(tmp_path)) == left | {"run"}


@pytest.mark.parametrize("failing", ["fsync", "unlink", "rmdir"])
def test_a_failure_after_the_renames_leaves_one_folder(tmp_path, monkeypatch, failing):
    """Either the new one stands and the old one is gone, or it is told that nothing was written."""
    count = 0
    while True:
        folder = tmp_path / str(count) / "run"
        write(folder)
        calls, real = [], getattr(os, failing)

        def fail(*arguments, calls=calls, real=real, count=count, **more):
            calls.append(arguments)
            if len(calls) == count + 1:
                raise OSError(5, "Input/output error")
            return real(*arguments, **more)

        monkeypatch.setattr(os, failing, fail)
        try:
            write(folder, 1, overwrite=True)
            wanted = 1
        except ModelFolderError:
            wanted = 0
        monkeypatch.undo()
        assert os.listdir(folder.parent) == ["run"], (failing, count)
        assert number(folder) == wanted
        if len(calls) <= count:
            return
        count += 1


def test_one_writer_at_a_time(tmp_path, monkeypatch):
    """The lock is the system's: what stands in the file only says who."""
    monkeypatch.setattr(swap, "PATIENCE", 0)
    write(tmp_path / "run")
    (tmp_path / ".run.lock").write_text("of a process that was killed")
    code = f"from recurra.locks import acquire; from pathlib import Path; l = acquire(Path({str(tmp_path / 'run')!r}))"
    with subprocess.Popen(
        [sys.executable, "-c", f"{code}; print('has it', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout.readline() == b"has it\n"
        with pytest.raises(UsageError, match=f"run is being written by process {holder.pid} since .*; wait"):
            write(tmp_path / "run", 1, overwrite=True)
        with pytest.raises(UsageError, match=f"by process {holder.pid}"), claimed(tmp_path / "run", overwrite=True):
            pass
        with claimed_new(tmp_path / "run") as free:
            assert free == tmp_path / "run-2"
        assert number(tmp_path / "run") == 0
        holder.kill()
        holder.wait()
    write(tmp_path / "run", 1, overwrite=True)
    assert os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize(("code", "free"), [(errno.EWOULDBLOCK, False), (errno.ENOLCK, True)])
def test_where_the_file_system_has_no_locks_the_owner_decides(tmp_path, monkeypatch, code, free):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", refuse)
    (tmp_path / ".run.lock").write_bytes(owner(999999999).to_json())
    if free:
        write(tmp_path / "run")
        assert os.listdir(tmp_path) == ["run"]
    (tmp_path / ".run.lock").write_bytes(owner(1, host="another").to_json())
    with pytest.raises(UsageError, match="by process 1 on another"), claimed(tmp_path / "run", overwrite=True):
        pass


def test_a_folder_replaced_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    write(tmp_path / "run")
    contents, replaced = model_folder.manifest.content, []

    def content(folder, entry):
        if not replaced:
            replaced.append(True)
            write(tmp_path / "run", 1, overwrite=True)
        return contents(folder, entry)

    monkeypatch.setattr(model_folder.manifest, "content", content)
    assert model_folder.read(tmp_path / "run").config["number"] == 1


def test_a_folder_that_is_replaced_again_and_again_is_read_in_the_end(tmp_path, monkeypatch):
    """The system uses the numbers of removed folders again, so that a third one may look like the first."""
    write(tmp_path / "run")
    contents, replaced = model_folder.manifest.content, []

    def content(folder, entry):
        if len(replaced) < 7:
            for _ in range(2):
                replaced.append(True)
                write(tmp_path / "run", len(replaced), overwrite=True)
        return contents(folder, entry)

    monkeypatch.setattr(model_folder.manifest, "content", content)
    assert model_folder.read(tmp_path / "run").config["number"] == len(replaced)


def test_a_full_disk_is_told_in_a_line_and_leaves_nothing(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    write(tmp_path / "run")
    monkeypatch.setattr(swap.os, "fsync", full)
    with pytest.raises(ModelFolderError, match="run: cannot be written: No space left on device"):
        write(tmp_path / "run", 1, overwrite=True)
    assert os.listdir(tmp_path) == ["run"]
    assert number(tmp_path / "run") == 0
