"""In a notebook: one output for a whole training, and what it shows of a run and of a cell."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra.api import notebook
from recurra.api.progress import ProgressLogger
from recurra.training.history import Tick

Train = Callable[..., recurra.Run]


class Display:
    """In place of IPython.display: what was shown, output by output, each as it changed."""

    def __init__(self) -> None:
        self.outputs: list[list[dict[str, str]]] = []

    def display(self, bundle: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        states = [bundle]
        self.outputs.append(states)

        def update(bundle: dict[str, str], *, raw: bool) -> None:
            assert raw
            states.append(bundle)

        return types.SimpleNamespace(update=update)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Display:
    """A process with a kernel of IPython's."""
    display = Display()
    package: Any = types.ModuleType("IPython")
    package.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    module: Any = types.ModuleType("IPython.display")
    module.display = display.display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return display


def test_a_training_is_one_output(
    train: Train, labels: Path, shown: Display, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(labels, quiet=False)
    (states,) = shown.outputs
    assert len(states) > 10
    told = states[-1]["text/plain"].splitlines()
    assert told[0].startswith("training on ")
    assert any("best" in line for line in told)
    assert told[-1] == f"report: {run.folder / 'report.html'}"
    assert "verdict: " in states[-1]["text/html"]
    assert "font-weight: bold" in states[-1]["text/html"]
    assert capsys.readouterr() == ("", "")


def test_one_that_goes_on_is_one_output_too_and_a_quiet_one_none(train: Train, labels: Path, shown: Display) -> None:
    train(labels)
    assert shown.outputs == []
    train(resume="run", epochs=2, quiet=False)
    assert len(shown.outputs) == 1
    assert shown.outputs[0][-1]["text/plain"].startswith("resuming run")


def test_names_are_escaped_and_the_state_goes(shown: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "EVERY_SECONDS", 0.0)
    progress = ProgressLogger()
    progress.log("training on <b>&\x1b[31m")
    progress.tick(Tick(epoch=1, step=1, share=0.5, loss=0.25, rate=10, seconds=1, seconds_left=2))
    progress.close()
    (states,) = shown.outputs
    assert "training on &lt;b&gt;&amp;\\x1b[31m" in states[-1]["text/html"]
    assert any("loss 0.2500" in state["text/plain"] for state in states)
    assert "loss" not in states[-1]["text/plain"]


def test_a_terminal_of_ipython_is_no_notebook(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    package: Any = types.ModuleType("IPython")
    package.get_ipython = lambda: types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", package)
    ProgressLogger().log("a line")
    assert capsys.readouterr().err == "a line\n"


def test_what_a_notebook_shows_of_a_run(train: Train, labels: Path, tmp_path: Path) -> None:
    run = train(labels, out=tmp_path / "<i>run")
    page = run._repr_html_()
    assert "&lt;i&gt;run" in page
    assert "<i>" not in page
    accuracy = run.metrics["metrics"]["accuracy"]
    assert f'<td style="text-align: left">{100 * accuracy:.1f}\N{NO-BREAK SPACE}%</td>' in page
    best = max(each["metrics"]["accuracy"] for each in run.metrics["baselines"])
    assert f"{100 * best:.1f}\N{NO-BREAK SPACE}%" in page
    assert page.count("<polyline") == 1
    assert "validation loss " in page
    assert "report.html" in page
    (run.folder / "report.html").unlink()
    assert "report.html" not in run._repr_html_()


def test_what_a_notebook_shows_of_a_cell() -> None:
    found = recurra.explain("lstm", input_size=3, hidden_size=2)
    page = found._repr_html_()
    assert page.count("<svg") == len(found.equations)
    assert all(f'aria-label="{line}"' in page for line in found.equations)
    for piece in ("lstm: LSTM", "Hochreiter &amp; Schmidhuber", f"parameters {found.parameters:,}", "reference"):
        assert piece in page
