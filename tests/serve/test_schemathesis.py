"""The OpenAPI against the server, by schemathesis: what it allows is answered, what it forbids is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recurra.serve.limits import Limits
from recurra.serve.running import Place, server_of
from tests.laws.tasks.tiny_tasks import TINY
from tests.serve.served import labeller, run_of, writer

CONFIG = """
[checks.positive_data_acceptance]
# 422 is for what a schema cannot say: letters that the model has never seen, rows of other lengths
# 400 and 410 for sessions that have ended meanwhile
expected-statuses = ["2xx", "401", "403", "404", "409", "410", "422", "429"]
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("model", [writer, labeller])
def test_the_openapi_is_kept(model: Any, tmp_path: Path) -> None:
    check(run_of(model(), tmp_path), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("task", ["generate", "forecast", "classify", "translate"])
def test_the_openapi_of_models_that_answer_whole_is_kept(task: str, tmp_path: Path) -> None:
    check(TINY[task].train(tmp_path, tmp_path / "run"), tmp_path)


def check(run: Any, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    limits = Limits(items=10, characters=100, tokens=20, frames=20, sessions=20, session_seconds=5, seconds=20)
    server, _ = server_of(run, Place(port=0), limits)
    with server.running() as address:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "--no-color", "run"]
        options = ["--max-examples", "20", "--seed", "1", "--request-timeout", "30"]
        done = subprocess.run(
            [*command, f"{address}/openapi.json", *options], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
