"""Help, usage, and what they may import."""

from __future__ import annotations

import subprocess
import sys

import pytest
from command_line import Recurra

from recurra.cli.settings import PANELS, flag, of_panel
from recurra.tasks.registry import ROWS, readers

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


def test_every_setting_is_an_option_with_its_description_and_default(recurra: Recurra) -> None:
    shown = " ".join(recurra("train", "--help").out.split())
    for panel in PANELS:
        assert f"{panel.capitalize()}: " in shown
        for name, field in of_panel(panel).items():
            assert flag(name) in shown or flag(name).replace("--", "--[no-]") in shown
            tasks = readers(name)
            assert (
                field.description if len(tasks) == len(ROWS) else f"{field.description} ({', '.join(tasks)})"
            ) in shown
    sizes = {row.name: row.defaults.settings.network.hidden_size for row in ROWS}
    alike = ", ".join(task for task in sorted(sizes) if sizes[task] == sizes["classify"])
    assert f"{sizes['classify']} ({alike})" in shown
    assert "80/10/10 (classify" in shown
    assert "90/10 (language" in shown
    assert "on (translate" in shown
    assert "off (" in shown
    assert "--learning-rate, --lr" in shown


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
        ("train", "name a file, a folder or a data set"),
        ("explain lstm --hidden-size 0", "hidden_size must be at least 1, got 0"),
    ],
)
def test_wrong_usage(recurra: Recurra, line: str, piece: str) -> None:
    recurra(*line.split()).refused(2, piece)


def test_python_m_recurra_exits_with_the_code() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recurra", "explain", "lsmt"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "recurra: error: unknown cell 'lsmt'; did you mean 'lstm'?\n"
