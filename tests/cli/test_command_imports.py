"""What a command imports: a second each for what it does not use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recurra.cli import main

TRAINING = (
    "lightning_fabric", "torch._dynamo", "torch._decomp", "torch.export.exported_program", "sympy", "scipy", "sklearn",
    "pandas", "polars", "matplotlib", "recurra.tasks.sources.resolving", "recurra.cli.train",
)  # fmt: skip
"""What only trainings and their reports need."""
REPORTS = ("recurra.report.sections", "recurra.tasks.classify.concluding", "recurra.tasks.classify.baselines")
"""What a prediction does not need either."""
NOT_TO_TRAIN = frozenset(
    ("lightning_fabric", "torch._dynamo", "torch._decomp", "torch.export.exported_program", "sympy", "scipy", "pandas")
)
"""What a training on one processor, its report included, does without: half of what it imported."""


def imported(*words: str) -> list[str]:
    code = (
        "import json, sys; from recurra.cli.entry import run; from recurra.cli.signals import Listening\n"
        "code = run(sys.argv[1:], Listening(ending=False))\n"
        f"print(json.dumps([name for name in {(*TRAINING, *REPORTS, 'torch')} if name in sys.modules]), code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    names, code = done.stdout.splitlines()[-1].rsplit(" ", 1)
    assert code == "0", done.stderr
    found: list[str] = json.loads(names)
    return found


def test_a_prediction_imports_nothing_that_only_training_needs(classifier: Path) -> None:
    assert imported("predict", str(classifier), "Anna") == ["torch"]
    assert {"torch", *REPORTS}.issuperset(imported("runs", str(classifier.parent)))


def test_a_command_is_found_though_the_others_are_not_imported(
    classifier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predit", str(classifier)]) == 2
    assert "predict" in capsys.readouterr().err


def test_a_training_imports_neither_torchs_compiler_nor_its_exporter(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("text,label\n" + "".join(f"{'ab' if i % 2 else 'cd'}{i},{i % 2}\n" for i in range(200)))
    given = ("--epochs", "0.1", "--hidden-size", "4", "--baselines", "none", "--device", "cpu", "--quiet")
    found = set(imported("train", str(table), "--out", str(tmp_path / "run"), *given))
    assert found.isdisjoint(NOT_TO_TRAIN)
