"""The scripts of examples/: each is run, and comes to what it promises."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_every_example_is_run_here() -> None:
    assert [path.name for path in sorted(EXAMPLES.glob("*.py"))] == ["lightning_adding.py"]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("lightning") is None, reason="lightning is not installed")
def test_lightning_trains_recurras_layers(tmp_path: Path) -> None:
    words = [sys.executable, str(EXAMPLES / "lightning_adding.py"), "--steps", "300", "--length", "12"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    found = re.fullmatch(r"gru: mean square error (\S+), of the mean 0\.1667\n", done.stdout)
    assert found
    assert float(found[1]) < 0.1667 / 4
