"""Help, usage, and what they may import."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from command_line import Recurra

from recurra.cli.application import application
from recurra.cli.settings import flag
from recurra.cli.task_help import USUAL
from recurra.cli.values import shown as shown_value
from recurra.tasks.registry import ROWS, TASKS

HEAVY = ("torch", "polars", "matplotlib", "lightning_fabric", "lightning", "jinja2", "pooch", "safetensors")


@pytest.mark.parametrize(
    "line",
    [
        "import recurra",
        "from recurra.cli import main; assert main(['--help']) == 0",
        "from recurra.cli import main; assert main(['train', '--help']) == 0",
    ],
)
def test_help_imports_nothing_heavy(line: str) -> None:
    check = f"import sys\n{line}\nheavy = [m for m in {HEAVY} if m in sys.modules]\nassert not heavy, heavy"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("task", list(TASKS))
def test_the_help_of_a_task_has_all_its_settings_with_their_defaults(recurra: Recurra, task: str) -> None:
    result = recurra("train", "--help-task", task)
    assert (result.code, result.err) == (0, "")
    shown = " ".join(result.out.split())
    row, foreign = TASKS[task], set().union(*(other.defaults.settings.names() for other in ROWS))
    for panel, group in row.defaults.settings.groups().items():
        assert f"{panel.capitalize()}: " in shown
        for name, field in type(group).model_fields.items():
            foreign.discard(name)
            assert f" {flag(name)} " in shown or f" {flag(name)}, " in shown or f"--[no-]{flag(name)[2:]} " in shown
            value = shown_value(name, getattr(group, name))
            value = f"{row.defaults.epochs:g}" if name == "epochs" else value
            assert f"{field.description} [{value}" in shown if value else f"{field.description}" in shown
    assert not [name for name in foreign if f" {flag(name)} " in shown]
    for level, changed in row.defaults.by_level.items():
        for name, value in changed.items():
            assert re.search(rf"{re.escape(shown_value(name, value))} for [a-z, ]*{level}\b", shown), name


def test_the_help_of_train_fits_a_screen_and_shows_what_everybody_needs(
    recurra: Recurra, monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns in (80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = recurra("train", "--help").out.splitlines()
        assert len(lines) <= 60
    shown = " ".join(" ".join(lines).split())
    assert all(
        f"{flag(name)} " in shown or f"--[no-]{flag(name)[2:]} " in shown or f"{flag(name)}, " in shown
        for name in USUAL
    )
    assert "--learning-rate, --lr" in shown
    assert all(task in shown for task in TASKS)
    assert set(USUAL) <= set().union(*(row.defaults.settings.names() for row in ROWS))


COMMANDS = [
    "train", "tune", "vectors", "evaluate", "predict", "trace", "attribute", "probe", "diagnose", "inspect", "generate",
    "score", "export", "quantize", "push", "pull", "serve", "runs", "compare", "explain", "bench", "data list",
    "data get", "cache",
]  # fmt: skip


def test_all_commands_are_listed_here() -> None:
    def names(command: Any, *above: str) -> list[str]:
        below = getattr(command, "commands", None)
        return [" ".join(above)] if below is None else [n for k, c in below.items() for n in names(c, *above, k)]

    assert sorted(names(typer.main.get_command(application()))) == sorted(COMMANDS)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_examples_in_the_help_are_accepted(recurra: Recurra, command: str) -> None:
    shown = recurra(*command.split(), "--help").out
    examples = re.findall(r"^  (recurra .*?)(?:  .*)?$", shown, re.M)
    assert sum(example.startswith(f"recurra {command}") for example in examples) >= (1 if command == "vectors" else 2)
    root: Any = typer.main.get_command(application())
    for example in examples:
        words = shlex.split(example.split(" < ")[0])[1:]
        below = root
        while hasattr(below, "commands"):
            below = below.commands[words.pop(0)]
        below.make_context("recurra", words)


@pytest.mark.parametrize("command", ["", *COMMANDS, "data"])
def test_dash_h_is_help_and_nothing_is_cut_or_wide(
    recurra: Recurra, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = recurra(*command.split(), "-h")
    assert result.code == 0
    assert result.out == recurra(*command.split(), "--help").out
    assert not re.search(r"\.\.\.\s*$", result.out.split("\n", 1)[1], re.M)
    assert "--help, -h" in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_a_shell_completes_commands_options_and_names(recurra: Recurra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_RECURRA_COMPLETE", "complete_bash")
    for line, wanted in (
        ("recurra tr", "train"),
        ("recurra train sur", "surnames"),
        ("recurra train --task c", "classify"),
        ("recurra train --help-task la", "language"),
        ("recurra train --hidden", "--hidden-size"),
        ("recurra train --weight-d", "--weight-decay"),
        ("recurra explain coup", "coupled-lstm"),
        ("recurra train x --cell gru-", "gru-cho"),
        ("recurra data get python", "python-docs"),
    ):
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
        assert wanted in recurra().out.split(), line


def test_completion_is_installed_where_the_shell_looks(
    recurra: Recurra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    assert recurra("--install-completion", "bash").code == 0
    assert "_RECURRA_COMPLETE" in (tmp_path / ".bash_completions" / "recurra.sh").read_text()
    assert "recurra.sh" in (tmp_path / ".bashrc").read_text()


@pytest.mark.parametrize(
    "command", ["evaluate", "predict", "generate", "runs", "compare", "explain", "data", "data list", "data get"]
)
def test_every_command_has_help(recurra: Recurra, command: str) -> None:
    result = recurra(*command.split(), "--help")
    assert result.code == 0
    assert f"Usage: recurra {command}" in result.out


def test_version(recurra: Recurra) -> None:
    assert recurra("--version").out.startswith("recurra 0.")


def test_without_a_command_the_help_is_an_error(recurra: Recurra) -> None:
    result = recurra()
    assert (result.code, result.out) == (2, "")
    assert "Usage: recurra" in result.err


@pytest.mark.parametrize(
    ("line", "piece"),
    [
        ("trian", "'train'"),
        ("data", "see: recurra data --help"),
        ("predict", "missing argument 'RUN'"),
        ("train x --hiden-size 3", "--hidden-size"),
        ("train x --hidden-size many", "'many'"),
        ("train x --optimizer adam", "'adamw'"),
        ("train x --level sentence", "'word'"),
        ("train", "name what to train on: a file, a folder or a data set"),
        ("train x --help-task", "see: recurra train --help"),
        ("train --help-task clasify", "did you mean 'classify'?"),
        ("train x --task languag", "did you mean 'language'?"),
        ("train surnames --cell gruu", "did you mean 'gru'?"),
        ("data get surnamess", "did you mean 'surnames'?"),
        ("explain lstm --hidden-size 0", "hidden_size must be at least 1, got 0"),
    ],
)
def test_wrong_usage(recurra: Recurra, line: str, piece: str) -> None:
    recurra(*line.split()).refused(2, piece)


def test_near_names_of_data_and_runs(recurra: Recurra, tmp_path: Path) -> None:
    (tmp_path / "names").mkdir()
    (tmp_path / "runs" / "names-gru").mkdir(parents=True)
    recurra("train", "surnamess").refused(3, "surnamess: no such", "did you mean 'surnames'")
    recurra("train", "naems/").refused(3, "'names'")
    (tmp_path / "my own file.csv").touch()
    recurra("train", "my", "own", "file.csv").refused(2, "in quotes: 'my own file.csv'")
    recurra("train", "https://example.org/a.csv").refused(3, "download it, and name the file")
    recurra("train", "zzz").refused(3, "the data sets are surnames")
    recurra("predict", "runs/name-gru", "a").refused(4, "no such model folder", "did you mean 'runs/names-gru'?")


def test_python_m_recurra_exits_with_the_code() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recurra", "explain", "lsmt"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "recurra: error: unknown cell 'lsmt'; did you mean 'lstm'?\n"
