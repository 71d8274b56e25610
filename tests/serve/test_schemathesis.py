"""The OpenAPI against the server, by schemathesis: what it allows is answered, what it forbids is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recurra.serve.limits import Limits
from recurra.serve.running import Place, server_of
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
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    limits = Limits(items=10, characters=100, tokens=20, frames=20, sessions=20, session_seconds=5, seconds=20)
    server, _ = server_of(run_of(model(), tmp_path), Place(port=0), limits)
    with server.running() as address:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "--no-color", "run"]
        options = ["--max-examples", "20", "--seed", "1", "--request-timeout", "30"]
        done = subprocess.run(
            [*command, f"{address}/openapi.json", *options], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
